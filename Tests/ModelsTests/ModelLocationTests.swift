import Foundation
import Models
import TestSupport
import Testing

@Suite("Where models lie that nobody named") struct ModelLocationTests {
    /// A program in folders below `folder`, and a model of which only the configuration is there.
    private func install(program: String, model: String?, in folder: URL) throws -> String {
        for path in [program, model.map { $0 + "/config.json" }].compactMap(\.self) {
            let file = folder.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: file)
        }
        return folder.appendingPathComponent(program).path
    }

    @Test(
        "The default model is found from the build folder, and where packages install it",
        arguments: [
            (".build/x86_64-unknown-linux-gnu/release/mvar", "models/default"),
            ("bin/mvar", "share/mvar/models/default"), ("mvar", "models/default"),
        ])
    func found(program: String, model: String) throws {
        try Fixture.withTemporaryFolder { folder in
            let path = try install(program: program, model: model, in: folder)
            let found = try ModelLocation.defaultModel(ofProgramAt: path)
            #expect(found == folder.resolvingSymlinksInPath().appendingPathComponent(model).path)
        }
    }

    @Test("A program that was copied away says on one line that it needs --model")
    func copiedAway() throws {
        try Fixture.withTemporaryFolder { folder in
            let path = try install(program: "a/b/c/d/e/mvar", model: nil, in: folder)
            let error = try #require(throws: ModelError.self) { try ModelLocation.defaultModel(ofProgramAt: path) }
            #expect(error.description.contains("a/b/c/d/e'") && error.description.contains("--model"))
            #expect(!error.description.contains("\n") && error.description.count < 300)
        }
    }
}
