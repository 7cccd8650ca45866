public import ArgumentParser
public import MVAR

// The library's types as values on the command line: their words stand in the help, in the shells' completions and in
// the message about a wrong one. A schedule is not among them: only a thrown error can say what is wrong with its numbers.

/// Where to compute, as somebody says it.
enum DeviceChoice: ExpressibleByArgument, Hashable, CustomStringConvertible {
    /// The first GPU where it can be used, else the CPU.
    case automatic
    case named(Device)

    /// Reads `auto`, `cpu`, `cuda` or `cuda:1`.
    init?(argument: String) {
        guard argument != "auto" else {
            self = .automatic
            return
        }
        guard let device = Device(argument) else { return nil }
        self = .named(device)
    }

    /// The forms of a value.
    static var allValueStrings: [String] { ["auto", "cpu", "cuda", "cuda:N"] }

    var description: String {
        switch self {
        case .automatic: "auto"
        case .named(let device): device.description
        }
    }
}

extension AttentionPattern: ExpressibleByArgument {
    /// Reads `full`, `window-2`, `scale` or `spatial-7`.
    public init?(argument: String) { self.init(argument) }

    /// The forms of a value.
    public static var allValueStrings: [String] { ["full", "window-N", "scale", "spatial-K"] }
}

extension ScaleGroups: ExpressibleByArgument {
    /// Reads `all` or `cycle:8`.
    public init?(argument: String) { self.init(argument) }

    /// The forms of a value.
    public static var allValueStrings: [String] { ["all", "cycle:N"] }
}

extension PictureCrop: ExpressibleByArgument {}

extension ScaleSelection: ExpressibleByArgument {
    /// Reads `1-8,10`.
    public init?(argument: String) { self.init(argument) }

    /// The forms of a value.
    public static var allValueStrings: [String] { [forms] }
}

extension RateFall: ExpressibleByArgument {}

extension CheckpointConversion.Form: ExpressibleByArgument {}

extension CheckpointConversion.Part: ExpressibleByArgument {}

extension Precision: ExpressibleByArgument {}
