import ArgumentParser
import MVAR

/// `mvar convert`: a checkpoint in another form.
struct ConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a model or a tokenizer in another form.",
        discussion: """
            Reads .pth files of VAR, MVAR and their trainers, .safetensors files and model folders; writes any of them \
            under the same names of tensors, so that PyTorch users can load them. Files for PyTorch get the buffers \
            that its strict loading wants. Of a trainer's file the networks are kept, not the optimizer's state.

              mvar convert var_d16.pth var-d16                     a folder, with the tokenizer beside var_d16.pth
              mvar convert my-model my-model.pth                   for the public code
              mvar convert my-model vae.pth --part tokenizer
              mvar convert var_d16.pth half.safetensors --precision float16
            """)

    @Argument(help: "What to read: a file or a folder.", completion: .file())
    var input: String

    @Argument(
        help: "What to write: .pth, .safetensors, or no extension for a folder. What it lies in must exist.",
        completion: .file())
    var result: String

    @Option(
        help: ArgumentHelp(
            "The form: var, mvar (both .pth), safetensors or folder. (default: by the extension)", valueName: "form"),
        completion: .list(CheckpointConversion.Form.allCases.map(\.rawValue)), transform: Self.choice)
    var to: CheckpointConversion.Form?

    @Option(
        help: ArgumentHelp(
            "Which network, where the input has both and a file holds one: model or tokenizer. (default: model)",
            valueName: "part"),
        completion: .list(CheckpointConversion.Part.allCases.map(\.rawValue)), transform: Self.choice)
    var part: CheckpointConversion.Part?

    @Option(
        help: ArgumentHelp(
            "The type of stored numbers: float32, bfloat16 or float16. (default: as it is)", valueName: "type"))
    var precision: PrecisionOptions.Precision?

    @OptionGroup var shape: ShapeOptions
    @OptionGroup var output: OutputOptions

    /// What was written, as `--json` tells it.
    struct Result: Codable {
        let path: String
        let form: CheckpointConversion.Form
        let parts: [CheckpointConversion.Part]
        let tensors: Int
    }

    func run() async throws {
        let conversion = CheckpointConversion(
            shape.source(model: input), to: to, part: part, precision: precision?.dtype)
        let outcome = try conversion.write(to: result)
        for note in outcome.notes { output.remark(note) }
        if output.json {
            return try output.printJSON(
                Result(path: result, form: outcome.form, parts: outcome.parts, tensors: outcome.tensors))
        }
        let parts = outcome.parts.map(\.rawValue).joined(separator: " and ")
        try OutputOptions.printResult("\(result)\tform \(outcome.form.rawValue)\t\(parts)\t\(outcome.tensors) tensors")
    }

    /// A value of the library's enumerations, which know nothing of command lines.
    private static func choice<Value: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Value {
        guard let value = Value(rawValue: text) else {
            throw ValidationError("it is none of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }
}
