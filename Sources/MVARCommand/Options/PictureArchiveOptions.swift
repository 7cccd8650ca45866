import ArgumentParser
import Foundation

/// How an archive of pictures is filled.
struct PictureArchiveOptions: ParsableArguments {
    @Flag(
        help: """
            Go on with the .npz file that was begun before, or begin it if there is none yet. The finished file is that of \
            a run that never stopped; other settings are refused.
            """)
    var resume = false

    /// Whether pictures go into one file for NumPy.
    static func isArchive(_ path: String) -> Bool { path.lowercased().hasSuffix(".npz") }

    /// Throws where options do not go together.
    func check(_ pictures: PictureOutputOptions, isProgressive: Bool) throws {
        guard Self.isArchive(pictures.output) else {
            if resume { throw ValidationError("--resume goes on with an .npz file, and '\(pictures.output)' is none") }
            return
        }
        if pictures.grid || isProgressive {
            throw ValidationError("--grid and --progressive lay pictures out, which an .npz file holds one by one")
        }
    }
}
