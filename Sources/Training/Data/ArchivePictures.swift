import Images

/// Finds the pictures of a tar archive among its files, and their classes.
///
/// Either the folder of a picture is its class, or a `.cls` with the class's number stands directly before or behind it
/// under the same name, as WebDataset has it. The first pictures show which.
struct ArchivePictures {
    private enum Form { case unknown, folders, pairs }

    private let path: String
    private var form = Form.unknown
    /// Files under one name, of which more may come.
    private var stem = ""
    private var picture: TarArchive.Entry?
    private var number: TarArchive.Entry?
    /// What is no picture, in an archive whose form is not known yet; of interest only where folders are classes.
    private var foreign: [TarArchive.Entry] = []

    init(path: String) { self.path = path }

    /// Takes the next file; calls `body` with pictures whose class is known by then.
    mutating func take(_ entry: TarArchive.Entry, _ body: PictureSource.Visitor) throws(DataError) -> Bool {
        let parts = entry.name.split(separator: "/").filter { $0 != "." }
        guard let last = parts.last, !last.hasPrefix(".") else { return true }
        let (stem, suffix) = PictureSuffix.split(entry.name)
        let isNumber = suffix == "cls"
        let isPicture = !isNumber && (PictureSuffix.isKnown(suffix) || ImageFormat(signatureOf: entry.start) != nil)
        // A link to something else than a picture.
        if case .unusable = entry.content, !isPicture { return true }
        if form == .folders {
            if isNumber { throw .pairApart(path: path, name: entry.name) }
            return try visitByFolder(entry, isPicture: isPicture, body)
        }
        if stem != self.stem {
            guard try finish(body) else { return false }
            // What came before may have shown the form.
            if form == .folders { return try take(entry, body) }
            self.stem = stem
        }
        if isNumber {
            number = entry
        } else if isPicture, picture == nil {
            picture = entry
        } else if isPicture {
            guard form == .unknown, number == nil else { throw .twoPictures(path: path, name: stem) }
            // Two pictures and no number: their folder is their class.
            guard try visitFirstByFolder(body) else { return false }
            return try take(entry, body)
        } else if form == .unknown, parts.count > 1 {
            // Only its name and its beginning are ever told.
            let start = Array(entry.start.prefix(64))
            foreign.append(TarArchive.Entry(name: entry.name, start: start, content: .bytes(start)))
        }
        return true
    }

    /// Calls `body` with the pictures that are left when no more files come, or none of the same name.
    mutating func finish(_ body: PictureSource.Visitor) throws(DataError) -> Bool {
        defer { (picture, number) = (nil, nil) }
        if form == .unknown {
            if number != nil {
                form = .pairs
                foreign = []
            } else if picture != nil {
                return try visitFirstByFolder(body)
            }
        }
        switch (picture, number) {
        case (nil, nil): return true
        case (let picture?, let number?):
            return try body(
                FoundPicture(
                    className: String(value(of: number)), isNumbered: true, name: path + ":" + picture.name,
                    content: picture.content))
        case (let picture?, nil): return try body(unusable(picture, "no .cls of the same name stands beside it."))
        case (nil, let number?): return try body(unusable(number, "no picture of the same name stands beside it."))
        }
    }

    private mutating func visitFirstByFolder(_ body: PictureSource.Visitor) throws(DataError) -> Bool {
        form = .folders
        for entry in foreign { guard try visitByFolder(entry, isPicture: false, body) else { return false } }
        foreign = []
        guard let first = picture else { return true }
        picture = nil
        return try visitByFolder(first, isPicture: true, body)
    }

    private func visitByFolder(
        _ entry: TarArchive.Entry, isPicture: Bool, _ body: PictureSource.Visitor
    ) throws(DataError) -> Bool {
        let parts = entry.name.split(separator: "/").filter { $0 != "." }
        guard parts.count > 1 else {
            return isPicture ? try body(unusable(entry, "it lies in no folder that names its class.")) : true
        }
        let isStray = !isPicture && !PictureSuffix.isPicture(PictureSuffix.split(entry.name).suffix)
        return try body(
            FoundPicture(
                className: String(parts[parts.count - 2]), name: path + ":" + entry.name,
                content: isStray ? .stray : entry.content))
    }

    private func unusable(_ entry: TarArchive.Entry, _ reason: String) -> FoundPicture {
        FoundPicture(className: nil, name: path + ":" + entry.name, content: .unusable(reason))
    }

    private func value(of entry: TarArchive.Entry) throws(DataError) -> Int {
        let text = String(decoding: entry.start.prefix(64), as: UTF8.self)
        let digits = text.split(whereSeparator: \.isWhitespace)
        guard digits.count == 1, digits[0].count < 10, digits[0].allSatisfy({ ("0"..."9").contains($0) }),
            let value = Int(digits[0])
        else { throw .invalidNumber(name: path + ":" + entry.name, text: text) }
        return value
    }
}
