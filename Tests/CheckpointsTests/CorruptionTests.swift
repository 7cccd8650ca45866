import Foundation
import Testing

@testable import Checkpoints

/// Damaged files throw or load. They never crash and never hang, which the test run itself would show.
@Suite("Damaged files") struct CorruptionTests {
    private static let small = [
        "dtypes.pth", "layouts.pth", "protocol2.pth", "protocol4.pth", "plain.pth", "dtypes.safetensors",
    ]
    .map { "checkpoints/" + $0 }
    private static let large = ["mini64/model.pth", "mini64/tokenizer.pth", "mini64/golden.safetensors"]

    /// A generator with a seed, so that a failure can be repeated.
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    /// Whether reading throws one of our errors on one line. Any other error fails the test.
    private func isRefused(_ bytes: [UInt8], _ comment: String) -> Bool {
        do {
            try readWhole(bytes)
            return false
        } catch let error as CheckpointError {
            #expect(!error.description.contains("\n"), "\(comment)")
        } catch {
            Issue.record("\(comment): \(error)")
        }
        return true
    }

    @Test("A large file cut at any 1 KB is refused", arguments: large)
    func truncatedLarge(name: String) throws {
        let bytes = try Fixture.bytes(name)
        for length in stride(from: 0, to: bytes.count, by: 1024) {
            #expect(isRefused(Array(bytes[..<length]), "\(name) cut at \(length)"), "\(name) cut at \(length)")
        }
    }

    @Test("A small file cut at any byte is refused", arguments: small)
    func truncatedSmall(name: String) throws {
        let bytes = try Fixture.bytes(name)
        for length in 0..<bytes.count {
            #expect(isRefused(Array(bytes[..<length]), "\(name) cut at \(length)"), "\(name) cut at \(length)")
        }
    }

    @Test("Flipped bits do not crash a reader", arguments: small + ["mini64/model.pth"])
    func flipped(name: String) throws {
        let original = try Fixture.bytes(name)
        var generator = SplitMix(state: 7)
        for round in 0..<400 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                // The tables are at the beginning and the end, and everything between is numbers.
                let edge = min(4096, bytes.count)
                let place = Int.random(in: 0..<edge, using: &generator)
                let position = Bool.random(using: &generator) ? place : bytes.count - 1 - place
                bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            _ = isRefused(bytes, "\(name), round \(round)")
        }
    }

    /// The checksum keeps most damage away from the unpickler: here is the pickle by itself.
    @Test(
        "Flipped bits do not crash the unpickler",
        arguments: ["protocol2.pth", "protocol3.pth", "protocol4.pth", "protocol5.pth", "dtypes.pth"])
    func flippedPickle(name: String) throws {
        let archive = try ZipArchive(try MappedFile(path: Fixture.path("checkpoints/" + name)))
        let entry = try #require(archive.entries.first { $0.name.hasSuffix("data.pkl") })
        let original = Array(try archive.record(entry, limit: 1 << 20))
        var generator = SplitMix(state: 11)
        for _ in 0..<2000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: bytes.indices, using: &generator)
                bytes[position] = UInt8.random(in: 0...255, using: &generator)
            }
            let text = message { _ = try bytes.withUnsafeBytes { try Unpickler.value(of: $0, file: "x") } }
            #expect(!text.contains("\n") && !text.hasPrefix("another error"))
        }
        for length in original.indices {
            let text = message {
                _ = try original[..<length].withUnsafeBytes { try Unpickler.value(of: $0, file: "x") }
            }
            #expect(text != "no error", "cut at \(length)")
        }
    }

    @Test("Numbers out of a pickle never lead outside the file")
    func absurdNumbers() throws {
        // Every number of the pickle in turn becomes absurd; the checksum is taken out.
        let original = try Fixture.bytes("checkpoints/no-checksums.pth")
        for position in 64..<min(300, original.count) {
            for value in [0x00, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bytes = original
                bytes[position] = value
                let text = message {
                    let archive = try PyTorchArchive(try MappedFile(content: bytes, name: "x"))
                    for record in try archive.stateDict(archive.root).records { try readWhole(record) }
                }
                #expect(!text.hasPrefix("another error"), "byte \(position) = \(value): \(text)")
            }
        }
    }
}
