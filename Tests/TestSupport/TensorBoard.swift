package import Foundation

/// The real TensorBoard, for tests that ask what it shows.
package enum TensorBoard {
    /// A picture as TensorBoard serves it.
    package struct Image: Decodable, Hashable {
        package let step: Int
        package let width: Int
        package let height: Int
        package let png: Data
    }

    /// What stands at a step. No number of JSON is `nan` or infinite: these are null.
    package struct Scalar: Decodable, Hashable {
        package let step: Int
        package let value: Double?

        package init(from decoder: any Decoder) throws {
            var pair = try decoder.unkeyedContainer()
            step = try pair.decode(Int.self)
            value = try pair.decode(Double?.self)
        }
    }

    /// What one of TensorBoard's readers shows of a run.
    package struct Shown: Decodable, Hashable {
        package let scalars: [String: [Scalar]]
        package let images: [String: [Image]]
    }

    private static let root = Fixture.folder.deletingLastPathComponent().deletingLastPathComponent()
    /// Where `scripts/test-tools.sh` puts it.
    private static let python = root.appendingPathComponent(".build/tensorboard/bin/python")

    /// Whether tests can ask it.
    package static let isInstalled = FileManager.default.isExecutableFile(atPath: python.path)
    /// Why they are skipped.
    package static let absence: String = "TensorBoard is not installed: scripts/test-tools.sh does it"

    /// What every reader of TensorBoard's shows of a run, by the reader's name.
    package static func readers(of folder: String) throws -> [String: Shown] {
        let decoder = JSONDecoder()
        decoder.dataDecodingStrategy = .base64
        return try decoder.decode([String: Shown].self, from: output(ofScript: "read_events.py", for: folder))
    }

    /// What a script of this folder's prints of a path, in TensorBoard's Python.
    static func output(ofScript name: String, for path: String) throws -> Data {
        let process = Process()
        let output = Pipe()
        process.executableURL = python
        process.arguments = [root.appendingPathComponent("Tests/TestSupport/" + name).path, path]
        process.standardOutput = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return text
    }
}
