import ArgumentParser
import MVAR

/// Where pictures go.
struct PictureOutputOptions: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp(
            "Where the picture goes: .png, .jpg or .webp; - is standard output, as PNG.",
            discussion: """
                For several pictures put a number into the name: out/%05d.png makes out/00000.png, out/00001.png, …; or \
                lay them out in one with --grid. The folder must exist; files of the same name are replaced.
                """,
            valueName: "path"),
        completion: .file(extensions: ["png", "jpg", "jpeg", "webp"]))
    var output: String

    @Flag(help: "Lay all pictures out in one.")
    var grid = false

    /// Where so many pictures go, once it is sure that they can be written there.
    func paths(count: Int) throws -> PicturePaths {
        let paths = try PicturePaths(output)
        try paths.check(count: grid ? 1 : count)
        return paths
    }

    /// The files of so many pictures, once it is sure that they can be written.
    func files(count: Int) throws -> PictureFiles { PictureFiles(paths: try paths(count: count), isGrid: grid) }
}

/// Writes pictures as they come: each to a file of its own, or all of them into one at the end.
struct PictureFiles {
    private let paths: PicturePaths
    private let isGrid: Bool
    private var laidOut: [PixelImage] = []

    init(paths: PicturePaths, isGrid: Bool) {
        self.paths = paths
        self.isGrid = isGrid
    }

    /// Takes the next picture.
    ///
    /// - Returns: The file that it is in, or will be in.
    mutating func add(_ picture: PixelImage, number: Int) throws -> String {
        guard isGrid else { return try paths.write(picture, number: number) }
        laidOut.append(picture)
        return paths.path(of: 0)
    }

    /// Writes what is still to be written; once, after the last picture.
    func finish() throws {
        if isGrid { try paths.write(PixelImage.grid(laidOut), number: 0) }
    }
}
