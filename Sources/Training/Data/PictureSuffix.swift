import Images

/// What the suffixes of files say about them.
enum PictureSuffix {
    /// Of pictures in forms that cannot be read here: no stray files, for nobody should lose such pictures unnoticed.
    private static let foreign: Set = ["avif", "bmp", "gif", "heic", "heif", "jp2", "jxl", "tif", "tiff"]
    private static let known = Set(ImageFormat.allCases.flatMap(\.fileExtensions))

    /// A path without its suffix, and the suffix in lower case.
    static func split(_ name: String) -> (stem: String, suffix: String) {
        guard let dot = name.lastIndex(of: "."), !name[dot...].contains("/") else { return (name, "") }
        return (String(name[..<dot]), name[name.index(after: dot)...].lowercased())
    }

    /// Whether it is that of a picture that can be read.
    static func isKnown(_ suffix: String) -> Bool { known.contains(suffix) }

    /// Whether it is that of a picture, readable or not.
    static func isPicture(_ suffix: String) -> Bool { isKnown(suffix) || foreign.contains(suffix) }
}
