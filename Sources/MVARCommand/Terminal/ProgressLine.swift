import Foundation

/// How far a command is, with rate and time left, on standard error.
///
/// On a terminal one line is drawn again in place; elsewhere a plain line is written now and then; nothing at all where
/// the user wants quiet.
final class ProgressLine {
    /// Where the line goes.
    enum Style: Equatable {
        case none
        case inPlace(hasColor: Bool)
        case lines

        /// What this process's standard error is good for.
        static func forStandardError(isQuiet: Bool) -> Style {
            isQuiet ? .none : StandardError.isTerminal ? .inPlace(hasColor: StandardError.hasColor) : .lines
        }
    }

    private let label: String
    private let unit: String
    private let style: Style
    private let clock = ContinuousClock()
    private var start: ContinuousClock.Instant
    /// The share of the work that was done when the clock started.
    private var share = 0.0
    private var lastShown: ContinuousClock.Instant?
    private var isDrawn = false

    /// Starts the clock.
    ///
    /// - Parameters:
    ///   - label: What is done, as `sampling`.
    ///   - unit: What is counted, in the singular, as `picture`.
    ///   - style: Where the line goes.
    init(_ label: String, unit: String, style: Style) {
        self.label = label
        self.unit = unit
        self.style = style
        start = clock.now
    }

    /// Says what happens while nothing can be counted.
    func announce(_ text: String) {
        switch style {
        case .none, .lines: return
        case .inPlace: draw(text)
        }
    }

    /// Starts the clock again: what came before, like loading, says nothing about the rate.
    ///
    /// - Parameter share: Of the work, what is done already, 0...1.
    func begin(at share: Double = 0) {
        start = clock.now
        self.share = share
    }

    /// Shows where the work is, unless it was shown a moment ago.
    ///
    /// - Parameters:
    ///   - count: Units that are finished.
    ///   - total: Units in all.
    ///   - fraction: The share of the work that is done, unfinished units included, 0...1; nil for that of the units.
    ///   - note: What else there is to say.
    func update(_ count: Int, of total: Int, fraction: Double? = nil, note: String? = nil) {
        guard style != .none else { return }
        let fraction = fraction ?? Double(count) / Double(max(total, 1))
        let now = clock.now
        let pause: Duration = style == .lines ? .seconds(10) : .milliseconds(100)
        guard now - (lastShown ?? (style == .lines ? start : start - pause)) >= pause else { return }
        lastShown = now
        let text =
            Self.text(
                label: label, unit: unit, count: count, total: total, fraction: fraction, since: share,
                elapsed: now - start)
            + (note.map { ", " + $0 } ?? "")
        if style == .lines { StandardError.write(text) } else { draw(text) }
    }

    /// Removes the line.
    func finish() {
        guard isDrawn else { return }
        StandardError.writeText("\r\u{1B}[K")
        isDrawn = false
    }

    private func draw(_ text: String) {
        let colored = style == .inPlace(hasColor: true) ? "\u{1B}[2m\(text)\u{1B}[0m" : text
        StandardError.writeText("\r\u{1B}[K" + colored)
        isDrawn = true
    }

    /// The line: what, how many, how fast, how long. `elapsed` is the time since the share `begun` of the work was done.
    static func text(
        label: String, unit: String, count: Int, total: Int, fraction: Double, since begun: Double = 0,
        elapsed: Duration
    ) -> String {
        let seconds = elapsed / .seconds(1)
        var text = "\(label): \(count) of \(counted(total, unit))"
        let done = fraction - begun
        // Before that a rate is a guess that frightens.
        guard done > 0, done >= 0.05 * (1 - begun) || seconds >= 60 else { return text }
        let each = seconds / (done * Double(total))
        let rate = each >= 1 ? "\(oneDecimal(each)) s a \(unit)" : "\(oneDecimal(1 / each)) \(unit)s a second"
        text += ", \(Int((min(fraction, 1) * 100).rounded(.down)))%, \(rate)"
        let left = seconds * (1 - fraction) / done
        return left >= 0.5 ? text + ", \(spoken(seconds: left)) left" : text
    }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = Int((min(value, 1e9) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// A length of time, as `45 s`, `3 min 20 s`, `2 h 5 min`.
    static func spoken(seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e9).rounded(.up))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}
