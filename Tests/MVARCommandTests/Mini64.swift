import Foundation
import MVAR
import Synchronization

@testable import MVARCommand

/// The small model of the fixtures, and a folder of its own for every test.
struct Mini64 {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/mini64").path
    static let model = folder + "/model.pth"
    static let tokenizer = folder + "/tokenizer.pth"
    static let golden = folder + "/golden.safetensors"
}

/// A folder that goes when the test is over.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("mvar-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    func file(_ name: String) -> String { path + "/" + name }

    /// What lies in it, hidden files too.
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

extension TemporaryFolder {
    /// Pictures of 16 × 16 pixels of two classes, in turn, in folders in `data`.
    func drawPictures(_ count: Int) throws {
        for number in 0..<count {
            let path = file("data/\(["dark", "light"][number % 2])")
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let pixels = (0..<3 * 16 * 16).map { UInt8(($0 * (number + 3) + number % 2 * 120) % 256) }
            try PixelImage(width: 16, height: 16, pixels: pixels).write(to: "\(path)/\(number).png")
        }
    }
}

/// The bytes of a file.
func bytes(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Runs a command line in this process, as `main` does; its results go nowhere.
func failure(of arguments: [String]) async -> Main.Failure? {
    let ignore: @Sendable (String) -> Void = { _ in }
    return await OutputOptions.$printer.withValue(ignore) { await Main.failure(of: arguments) }
}

/// Runs a command line in this process, as `main` does; its results go nowhere.
func mvar(_ arguments: String...) async -> Main.Failure? { await failure(of: arguments) }

/// Runs a command line that must succeed.
///
/// - Parameter arguments: Without the program's name.
/// - Returns: Its results, as they would go to standard output.
/// - Throws: ``UnexpectedFailure``.
@discardableResult
func succeed(_ arguments: String...) async throws -> String { try await printed(by: arguments) }

/// What a command line prints, which must succeed.
func printed(by arguments: [String]) async throws -> String {
    let printed = Mutex("")
    let keep: @Sendable (String) -> Void = { text in printed.withLock { $0 += text } }
    let failure = await OutputOptions.$printer.withValue(keep) { await Main.failure(of: arguments) }
    if let failure { throw UnexpectedFailure(arguments: arguments, failure: failure) }
    return printed.withLock { $0 }
}

struct UnexpectedFailure: Error, CustomStringConvertible {
    let arguments: [String]
    let failure: Main.Failure

    var description: String { "mvar \(arguments.joined(separator: " ")): \(failure)" }
}
