import ArgumentParser
import MVAR

/// Devices that share the pictures of an archive.
struct DevicesOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Share the pictures of an .npz file among devices, a process for each: all, or a list such as cuda:0,cuda:1.",
            discussion: """
                all are the GPUs of this machine, or the CPU where there is none. Processes of a launcher take one each, by \
                their number on their machine.
                """,
            valueName: "all|device,…"))
    var devices: Choice?

    /// All GPUs, or a list.
    enum Choice: ExpressibleByArgument, Hashable {
        case all
        case these([Device])

        init?(argument: String) {
            guard argument != "all" else {
                self = .all
                return
            }
            let devices = argument.split(separator: ",", omittingEmptySubsequences: false).map { Device($0) }
            guard !devices.contains(nil) else { return nil }
            self = .these(devices.compactMap(\.self))
        }

        /// The devices, of a machine with so many GPUs.
        func resolved(cudaCount: Int) -> [Device] {
            switch self {
            case .all: cudaCount > 0 ? (0..<cudaCount).map { .cuda($0) } : [.cpu]
            case .these(let devices): devices
            }
        }
    }

    /// Throws where it cannot be meant.
    func check(_ path: String, device: DeviceChoice) throws {
        guard devices != nil else { return }
        guard PictureArchiveOptions.isArchive(path) else {
            throw ValidationError("--devices share the pictures of an .npz file, and '\(path)' is none")
        }
        if device != .named(.cpu) {
            throw ValidationError("--device and --devices both tell where to compute: give one")
        }
    }
}
