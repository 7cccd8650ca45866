import Checkpoints
import Foundation

/// Where models lie that nobody named.
package enum ModelLocation {
    /// The names under which tokenizers are found beside a model, the published one last.
    package static let tokenizerNames = ["tokenizer.safetensors", "tokenizer.pth", "vae_ch160v4096z32.pth"]

    /// The tokenizer beside a model's file.
    package static func tokenizer(beside model: String) throws(ModelError) -> String {
        let folder = URL(fileURLWithPath: model).deletingLastPathComponent()
        let candidates = tokenizerNames.map { folder.appendingPathComponent($0).path }
        guard let found = candidates.first(where: FileManager.default.fileExists(atPath:)) else {
            throw .noTokenizer(model: model, looked: candidates)
        }
        return found
    }

    /// The default model that comes with the program: `models/default`, in the folder of the executable or above it.
    package static func defaultModel() throws(ModelError) -> String {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        var looked: [String] = []
        // .build/<triple>/<configuration>/ is three folders below the package; `share/mvar` is where packagers put data.
        for _ in 0..<5 {
            for place in ["models/default", "share/mvar/models/default"] {
                let candidate = folder.appendingPathComponent(place).path
                looked.append(candidate)
                if FileManager.default.fileExists(atPath: candidate + "/config.json") { return candidate }
            }
            if folder.path == "/" { break }
            folder.deleteLastPathComponent()
        }
        throw .noDefaultModel(looked: looked)
    }
}
