package import Foundation

/// Files of the repository that tests read, and folders that they write to.
package enum Fixture {
    package static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    package static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Calls `body` with a new folder that is gone afterwards.
    @discardableResult
    package static func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mvar-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }

    /// Copies fixtures into a folder, under other names if need be.
    package static func copy(_ files: [String: String], to folder: URL) throws {
        for (name, target) in files {
            try FileManager.default.copyItem(atPath: path(name), toPath: folder.appendingPathComponent(target).path)
        }
    }
}
