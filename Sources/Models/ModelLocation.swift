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

    /// The default model that comes with the program.
    ///
    /// - Parameter program: The program's file; links are followed.
    /// - Returns: `models/default` or `share/mvar/models/default`, in the program's folder or one of the four above it.
    /// - Throws: ``ModelError`` where there is none.
    package static func defaultModel(ofProgramAt program: String = "/proc/self/exe") throws(ModelError) -> String {
        let start = URL(fileURLWithPath: program).resolvingSymlinksInPath().deletingLastPathComponent()
        var folder = start
        // .build/<triple>/<configuration>/ is three folders below the package; `share/mvar` is where packagers put data.
        for _ in 0..<5 {
            for place in ["models/default", "share/mvar/models/default"] {
                let candidate = folder.appendingPathComponent(place).path
                if FileManager.default.fileExists(atPath: candidate + "/config.json") { return candidate }
            }
            if folder.path == "/" { break }
            folder.deleteLastPathComponent()
        }
        throw .noDefaultModel(near: start.path)
    }
}
