/// How a stored picture has to be turned to stand as the camera saw it: EXIF tag 0x0112.
enum EXIFOrientation: Int {
    case asStored = 1
    case flippedHorizontally
    case rotated180
    case flippedVertically
    case transposed
    case rotatedClockwise
    case transposedAcross
    case rotatedCounterclockwise

    /// Reads the first directory of a TIFF structure; nil where it is broken or says nothing.
    ///
    /// - Parameter tiff: From the byte order mark on. Nothing in it is trusted: each offset is checked.
    init?(tiff: ArraySlice<UInt8>) {
        let reader: Reader
        if tiff.starts(with: [0x49, 0x49, 0x2A, 0]) {
            reader = Reader(bytes: tiff, isLittleEndian: true)
        } else if tiff.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
            reader = Reader(bytes: tiff, isLittleEndian: false)
        } else {
            return nil
        }
        guard let directory = reader.integer(at: 4, byteCount: 4),
            let count = reader.integer(at: directory, byteCount: 2)
        else { return nil }
        for index in 0..<count {
            let entry = directory + 2 + index * 12
            guard let tag = reader.integer(at: entry, byteCount: 2) else { return nil }
            guard tag == 0x0112 else { continue }
            let short = 3
            guard reader.integer(at: entry + 2, byteCount: 2) == short,
                let value = reader.integer(at: entry + 8, byteCount: 2)
            else { return nil }
            self.init(rawValue: value)
            return
        }
        return nil
    }

    private struct Reader {
        let bytes: ArraySlice<UInt8>
        let isLittleEndian: Bool

        func integer(at offset: Int, byteCount: Int) -> Int? {
            guard offset >= 0, offset + byteCount <= bytes.count else { return nil }
            let field = bytes.dropFirst(offset).prefix(byteCount)
            let digits = isLittleEndian ? Array(field.reversed()) : Array(field)
            return digits.reduce(0) { $0 << 8 | Int($1) }
        }
    }
}

extension PixelImage {
    /// The picture turned as the camera noted; itself where nothing was noted.
    func oriented(by orientation: EXIFOrientation?) -> PixelImage {
        let (right, bottom) = (width - 1, height - 1)
        return switch orientation {
        case nil, .asStored: self
        case .flippedHorizontally: remapped(width, height) { x, y in (right - x, y) }
        case .rotated180: remapped(width, height) { x, y in (right - x, bottom - y) }
        case .flippedVertically: remapped(width, height) { x, y in (x, bottom - y) }
        case .transposed: remapped(height, width) { x, y in (y, x) }
        case .rotatedClockwise: remapped(height, width) { x, y in (y, bottom - x) }
        case .transposedAcross: remapped(height, width) { x, y in (right - y, bottom - x) }
        case .rotatedCounterclockwise: remapped(height, width) { x, y in (right - y, x) }
        }
    }

    /// The picture mirrored left to right.
    public var flippedHorizontally: PixelImage { oriented(by: .flippedHorizontally) }

    /// A picture of the same pixels elsewhere; `source` says where each comes from.
    private func remapped(_ newWidth: Int, _ newHeight: Int, source: (Int, Int) -> (Int, Int)) -> PixelImage {
        let moved = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
            pixels.withUnsafeBufferPointer { pixels in
                var target = 0
                for y in 0..<newHeight {
                    for x in 0..<newWidth {
                        let (column, row) = source(x, y)
                        let index = (row * width + column) * 3
                        buffer[target] = pixels[index]
                        buffer[target + 1] = pixels[index + 1]
                        buffer[target + 2] = pixels[index + 2]
                        target += 3
                    }
                }
            }
            count = pixels.count
        }
        return PixelImage(width: newWidth, height: newHeight, pixels: moved)
    }
}
