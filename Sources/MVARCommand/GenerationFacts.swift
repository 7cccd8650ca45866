import MVAR

/// What decides generated pictures beside class, seed and number, as PNG files and archives record it.
enum GenerationFacts {
    /// Keys and values, in the order in which people are shown them.
    static func facts(
        of model: LoadedModel, parameters: SamplingParameters, isExact: Bool
    ) -> [(key: String, value: String)] {
        let shape = model.transformer.configuration
        var facts: [(key: String, value: String)] = [
            ("cfg", "\(parameters.guidance)"), ("top-k", "\(parameters.topK)"), ("top-p", "\(parameters.topP)"),
            ("temperature", "\(parameters.temperature)"), ("smooth", "\(parameters.isSmooth)"),
            ("schedule", "\(shape.schedule)"), ("attention", "\(shape.pattern)"),
        ]
        if case .spatial = shape.pattern { facts.append(("first-spatial-scale", "\(shape.firstSpatialScale)")) }
        // These change roundings, and so now and then a token or a pixel. Which of several GPUs it was does not.
        facts.append(("precision", model.transformer.precision.rawValue))
        if model.transformer.device != .cpu, LibTorch.allowsTF32 { facts.append(("tf32", "true")) }
        if isExact { facts.append(("exact", "true")) }
        facts.append(("device", model.transformer.device == .cpu ? "cpu" : "cuda"))
        return facts
    }

    /// What a model is called.
    static func name(of model: LoadedModel) -> String {
        model.description.name ?? model.files[0].split(separator: "/").last.map(String.init) ?? ""
    }
}
