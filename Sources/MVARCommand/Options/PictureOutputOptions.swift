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
}
