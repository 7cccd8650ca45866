import Foundation

/// A number with so many decimals, in the form of every country's programs.
func decimals(_ value: Double, _ count: Int) -> String {
    String(format: "%.\(count)f", value)
}

/// A number of bytes for people: `1.2 GB`.
func spoken(bytes: Int) -> String {
    switch bytes {
    case ..<1000: "\(bytes) bytes"
    case ..<1_000_000: "\(decimals(Double(bytes) / 1e3, 1)) kB"
    case ..<1_000_000_000: "\(decimals(Double(bytes) / 1e6, 1)) MB"
    default: "\(decimals(Double(bytes) / 1e9, 1)) GB"
    }
}

/// A number of things: `1 picture`, `3 pictures`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// A whole number with commas: `310,283,520`.
func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
        text.append(digit)
    }
    return (value < 0 ? "-" : "") + text
}

/// A number as `1.25e-06`, nine letters wide.
func scientific(_ value: Double) -> String { leading(String(format: "%.2e", value), 9) }

/// Text with spaces behind it.
func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }

/// Text with spaces before it.
func leading(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

/// Rows of names and values, the values below each other.
func aligned(_ rows: [(String, String)]) -> String {
    let width = rows.reduce(0) { max($0, $1.0.count) }
    return rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }.joined(separator: "\n")
}
