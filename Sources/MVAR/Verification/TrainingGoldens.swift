import Models
import ScaleTransformer
import TokenPyramid
import Torch
import Training

extension GoldenVerifier {
    /// `train.{cycle,all,full}.{loss,grad_norm}` and the weights after the last step.
    ///
    /// The bounds are tight because looser ones cannot see weight decay.
    func checkTraining(_ record: GoldenRecord) throws {
        let courses = TrainingReplay.Course.allCases.filter { golden.contains("train.\($0.rawValue).loss") }
        guard !courses.isEmpty else { return }
        record.markInputs("train.tokens", "train.labels")
        let quantizer = try tokenizer().quantizer
        for course in courses {
            // Each course starts from the file again.
            var (configuration, parameters) = try LoadedModel.parameters(ofTransformer: modelSource())
            // The recorded courses are MVAR's own, in whichever form the checkpoint is; `full` replaces the pattern.
            if case .spatial = configuration.pattern {
            } else {
                configuration.pattern = .spatial(kernel: golden.description?.kernelSize ?? 7)
            }
            let prefix = "train.\(course.rawValue)."
            let steps = try golden.tensor(prefix + "loss", shape: [nil]).shape[0]
            let tokens = try golden.indices(
                "train.tokens", shape: [nil, nil, configuration.schedule.tokenCount],
                below: configuration.vocabularySize)
            let labels = try golden.indices(
                "train.labels", shape: [tokens.shape[0], tokens.shape[1]], below: configuration.classes + 1)
            guard steps <= tokens.shape[0] else {
                throw VerificationError.wrongShape(
                    file: golden.path, name: prefix + "loss", expected: [tokens.shape[0]], found: [steps])
            }
            let replay = try TrainingReplay(
                course, steps: steps, configuration: configuration, from: parameters, quantizer: quantizer,
                tokens: tokens.moved(to: source.device), labels: labels.moved(to: source.device))
            try parameters.finish()
            try record.check(prefix + "loss", .absolute(2e-5)) { try Tensor(replay.losses, shape: [steps]) }
            try record.check(prefix + "grad_norm", .relative(2e-5)) {
                try Tensor(replay.gradientNorms, shape: [steps])
            }
            for name in golden.names where name.hasPrefix(prefix) {
                guard let parameter = replay.parameters[String(name.dropFirst(prefix.count))] else { continue }
                try record.check(name, .absolute(5e-6)) { try parameter.detached() }
            }
        }
    }
}
