import ArgumentParser
import FileOutput
import MVAR

/// `mvar convert`: a checkpoint in another form.
struct ConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a model or a tokenizer in another form.",
        discussion: """
            Reads .pth files of VAR, MVAR and their trainers, .safetensors files and model folders; writes any of them \
            under the same names of tensors, so that PyTorch users can load them. Files for PyTorch get the buffers \
            that its strict loading wants. Of a trainer's file the networks are kept, not the optimizer's state. \
            A .pth holds the weights of one network and nothing else: class names and recommended settings stay \
            behind, and the tokenizer needs a file of its own (--part tokenizer).

              mvar convert var_d16.pth var-d16      a folder, with the tokenizer
              mvar convert my-model my-model.pth    for the public code
              mvar convert my-model vae.pth --part tokenizer
              mvar convert var_d16.pth half.safetensors --precision float16
              mvar convert var_d16.pth small --precision int16
            """)

    @Argument(help: "What to read: a file or a folder.", completion: .file())
    var input: String

    @Argument(
        help: """
            What to write: .pth, .safetensors, or no extension for a folder, in a folder that exists; - is standard \
            output, and needs --to.
            """,
        completion: .file())
    var result: String

    @OptionGroup(title: "Form") var form: FormOptions
    @OptionGroup(title: "Input") var tokenizer: TokenizerFileOption
    @OptionGroup(title: "Input") var shape: ShapeOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// What is written.
    struct FormOptions: ParsableArguments {
        @Option(help: ArgumentHelp("The form, if not by the extension. var and mvar are .pth.", valueName: "form"))
        var to: CheckpointConversion.Form?

        @Option(
            help: ArgumentHelp(
                "Which network goes into a file that holds one: the model, if the input has both.", valueName: "part"))
        var part: CheckpointConversion.Part?

        @Option(
            help: ArgumentHelp(
                "The type of stored numbers, if not as it is.",
                discussion: """
                    int16 and int8 are for weights that blocks multiply tokens by, and get a scale for each output. mvar \
                    uses them as they are, and makes the pictures of 'mvar sample --precision int16' or int8; PyTorch \
                    does not know them. All else stays as it is: in float32 it is twice as large as converted to \
                    float16 before.
                    """,
                valueName: "type"))
        var precision: Precision?
    }

    /// What was written, as `--json` tells it.
    struct Result: Codable {
        let path: String
        let form: CheckpointConversion.Form
        let parts: [CheckpointConversion.Part]
        let tensors: Int
    }

    func validate() throws {
        try output.check(result)
        if FileDestination(result).isStandardOutput, form.to == nil || form.to == .folder {
            throw ValidationError("standard output takes a file: say --to var, mvar or safetensors")
        }
    }

    func run() async throws {
        let destination = FileDestination(result)
        // Elsewhere the conversion itself finds out: the result may be a folder.
        if destination.isStandardOutput { try destination.check() }
        let conversion = CheckpointConversion(
            shape.source(model: input, tokenizer: tokenizer.tokenizer), to: form.to, part: form.part,
            precision: form.precision)
        let outcome = try conversion.write(to: destination.path)
        for note in outcome.notes { output.remark(note) }
        if output.json {
            return try output.printJSON(
                Result(path: result, form: outcome.form, parts: outcome.parts, tensors: outcome.tensors))
        }
        let parts = outcome.parts.map(\.rawValue).joined(separator: " and ")
        try output.report(
            "\(result)\tform \(outcome.form.rawValue)\t\(parts)\t\(counted(outcome.tensors, "tensor"))", of: result)
    }
}
