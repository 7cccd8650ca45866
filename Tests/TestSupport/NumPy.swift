package import Foundation

/// The real NumPy, which comes with TensorBoard, for tests that ask what it reads.
package enum NumPy {
    /// An array of a file.
    package struct Array: Decodable, Hashable {
        package let name: String
        package let type: String
        package let shape: [Int]
        package let bytes: Data
    }

    /// What NumPy and zipfile find in a file.
    package struct Shown: Decodable, Hashable {
        package let arrays: [Array]
        package let comment: String
        /// The first entry with a wrong checksum.
        package let damaged: String?
    }

    /// Whether tests can ask it.
    package static let isInstalled = TensorBoard.isInstalled
    /// Why they are skipped.
    package static let absence: String = TensorBoard.absence

    /// What is in an `.npz` file.
    package static func show(_ path: String) throws -> Shown {
        let decoder = JSONDecoder()
        decoder.dataDecodingStrategy = .base64
        return try decoder.decode(Shown.self, from: TensorBoard.output(ofScript: "read_npz.py", for: path))
    }
}
