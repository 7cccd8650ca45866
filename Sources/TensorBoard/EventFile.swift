import FileOutput
import Foundation
package import Images
import SwiftProtobuf

/// One sitting's numbers and pictures, in the form that TensorBoard reads while they are written.
///
/// Every sitting has a file of its own. It begins with a START event, by which TensorBoard forgets what the files
/// before it say of steps that this sitting carries out again. The first file has one too: TensorBoard takes the first
/// that it meets for the start of the run, not for a resumption.
package final class EventFile {
    private let file: GrowingFile

    /// Its place.
    package var path: String { file.path }

    /// Begins a sitting's file: `events.out.tfevents.`, a number that is larger than that of all files before, `.mvar`.
    ///
    /// - Parameters:
    ///   - folder: Where the file is to be; it must exist.
    ///   - firstStep: The first step that the sitting may write. 0 begins a run: nothing in the files of a run that was
    ///     here before holds any more, and they are removed.
    /// - Throws: ``FileOutput/FileOutputError`` where the file cannot be written.
    package init(folder: String, firstStep: Int) throws {
        let earlier = Self.files(in: folder)
        // Readers go through the files in the order of their names, which is that of time unless a clock was set back.
        let clock = Int(Date().timeIntervalSince1970)
        let number = earlier.reduce(clock) { max($0, $1.number + 1) }
        if firstStep == 0 {
            for file in earlier where file.name.hasSuffix(Self.suffix) {
                try? FileManager.default.removeItem(atPath: folder + "/" + file.name)
            }
        }
        file = try Self.newFile(in: folder, number: number)
        try append(.fileVersion("brain.Event:2"), step: 0)
        var start = ProtoSessionLog()
        start.status = .start
        try append(.sessionLog(start), step: firstStep)
    }

    /// Writes numbers of one step.
    ///
    /// - Parameters:
    ///   - scalars: What they are called and their values. TensorBoard groups by what stands before the first `/`.
    ///   - step: Steps that were done.
    /// - Throws: ``FileOutput/FileOutputError`` where the disk is full or fails.
    package func write(_ scalars: [(tag: String, value: Double)], step: Int) throws {
        var summary = ProtoSummary()
        summary.value = scalars.map { tag, number in
            var value = ProtoSummary.Value()
            value.tag = tag
            value.simpleValue = Float(number)
            return value
        }
        try append(.summary(summary), step: step)
    }

    /// Writes a picture of one step, as PNG.
    ///
    /// - Parameters:
    ///   - picture: The picture.
    ///   - tag: What it is called.
    ///   - step: Steps that were done.
    /// - Throws: ``Images/ImageError``, or ``FileOutput/FileOutputError`` where the disk is full or fails.
    package func write(_ picture: PixelImage, tag: String, step: Int) throws {
        var value = ProtoSummary.Value()
        value.tag = tag
        value.image.width = Int32(clamping: picture.width)
        value.image.height = Int32(clamping: picture.height)
        value.image.colorspace = 3
        value.image.encodedImageString = Data(try picture.encoded(as: .png))
        var summary = ProtoSummary()
        summary.value = [value]
        try append(.summary(summary), step: step)
    }

    private func append(_ content: ProtoEvent.OneOf_What, step: Int) throws {
        var event = ProtoEvent()
        event.wallTime = Date().timeIntervalSince1970
        event.step = Int64(step)
        event.what = content
        try file.append(EventRecord.framed(event.serializedBytes()))
    }

    // MARK: Names

    private static let prefix = "events.out.tfevents."
    private static let suffix = ".mvar"
    /// Names of ten digits are in the order of their numbers.
    private static let numbers = 0..<9_999_999_999

    private static func newFile(in folder: String, number: Int) throws -> GrowingFile {
        var number = number
        while true {
            let digits = String(number)
            let name = prefix + String(repeating: "0", count: max(0, 10 - digits.count)) + digits + suffix
            do throws(FileOutputError) {
                return try GrowingFile(path: folder + "/" + name, isNew: true)
            } catch {
                guard case .failed(_, _, EEXIST) = error else { throw error }
                number += 1
            }
        }
    }

    /// The event files of a folder, whoever wrote them.
    private static func files(in folder: String) -> [(name: String, number: Int)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix(prefix),
                let number = name.dropFirst(prefix.count).split(separator: ".").first.flatMap({ Int($0) }),
                numbers.contains(number)
            else { return nil }
            return (name, number)
        }
    }
}
