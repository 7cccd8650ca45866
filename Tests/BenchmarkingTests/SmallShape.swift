import Benchmarking
import Foundation
import MVAR

/// Shapes that are measured in an instant.
enum SmallShape {
    static func transformer(
        _ pattern: AttentionPattern, sharesAdaLN: Bool = false, normalizes: Bool = true
    ) throws -> TransformerConfiguration {
        TransformerConfiguration(
            depth: 2, width: 64, heads: 2, classes: 3, vocabularySize: 32, latentChannels: 4,
            schedule: try ScaleSchedule([1, 2, 3, 4]), pattern: pattern, firstSpatialScale: 2,
            normalizesQueriesAndKeys: normalizes, sharesAdaLN: sharesAdaLN)
    }

    static func tokenizer() throws -> TokenizerConfiguration {
        TokenizerConfiguration(
            channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 32,
            schedule: try ScaleSchedule([1, 2, 3, 4]))
    }

    static func sample(_ pattern: AttentionPattern) throws -> SampleBench {
        SampleBench(preset: "small", transformer: try transformer(pattern), tokenizer: try tokenizer())
    }
}

/// A value as the JSON object that programs read.
func object(_ value: some Encodable) throws -> [String: any Sendable] {
    try JSONSerialization.jsonObject(with: JSONEncoder().encode(value)) as? [String: any Sendable] ?? [:]
}

/// What every report says of the machine.
let conditionKeys: Set = [
    "precision", "device", "threads", "runs", "libtorch_version", "instruction_set", "processor",
]
