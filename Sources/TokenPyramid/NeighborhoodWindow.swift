/// The window of keys around a query, along one axis.
///
/// At the borders the window is moved inwards, not cut, so that it always holds `kernel` keys (NATTEN's rule); where the
/// map is smaller than the kernel it is the whole map.
public struct NeighborhoodWindow: Hashable, Sendable {
    /// The length of the map along this axis.
    public let length: Int
    /// The number of keys along this axis.
    public let kernel: Int

    /// A window of at most `kernel` keys on a map of `length`.
    public init(length: Int, kernel: Int) {
        precondition(length > 0 && kernel > 0, "a window of \(kernel) on a map of \(length)")
        self.length = length
        self.kernel = min(kernel, length)
    }

    /// The keys that the query at `position` sees.
    public func keys(at position: Int) -> Range<Int> {
        let start = min(max(position - kernel / 2, 0), length - kernel)
        return start..<start + kernel
    }

    /// For a map of `height × width`, whether query i (row-major) sees key j: element `i · height · width + j`.
    public static func mask(height: Int, width: Int, kernel: Int) -> [Bool] {
        let rows = NeighborhoodWindow(length: height, kernel: kernel)
        let columns = NeighborhoodWindow(length: width, kernel: kernel)
        let tokens = height * width
        var mask = [Bool](repeating: false, count: tokens * tokens)
        for query in 0..<tokens {
            for row in rows.keys(at: query / width) {
                for column in columns.keys(at: query % width) {
                    mask[query * tokens + row * width + column] = true
                }
            }
        }
        return mask
    }
}
