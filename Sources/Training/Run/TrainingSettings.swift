import NeuralNetworks

/// What the settings of every kind of run have, and what must hold of it.
protocol TrainingSettings {
    var batch: Int { get }
    var crop: PictureCrop { get }
    var learningRate: Double { get }
    var optimizer: AdamW.Settings { get }
    var clip: Double { get }
    var averageDecay: Double { get }
    var length: TrainingLength { get }
    var rhythm: TrainingRhythm { get }
}

extension TrainingSettings {
    /// Throws for the first setting that makes no sense in any run.
    func checkRun() throws(TrainingError) {
        try length.check()
        try rhythm.check()
        try require((1...1_048_576).contains(batch), "A step takes 1 to 1048576 pictures, not \(batch).")
        try require(
            learningRate > 0 && learningRate.isFinite, "The learning rate must be above 0, not \(learningRate).")
        try require(
            clip >= 0, "The largest gradient norm must be above 0, or 0 for none that is too large, not \(clip).")
        try check(optimizer)
        try require(
            (0..<1).contains(averageDecay), "The decay of the average must be in 0..<1, not \(averageDecay).")
    }

    /// Throws for the first number of an optimizer that makes no sense.
    func check(_ optimizer: AdamW.Settings) throws(TrainingError) {
        for (name, beta) in [("beta1", optimizer.beta1), ("beta2", optimizer.beta2)] {
            try require((0..<1).contains(beta), "The optimizer's \(name) must be in 0..<1, not \(beta).")
        }
        try require(
            optimizer.epsilon > 0 && optimizer.epsilon.isFinite,
            "The optimizer's epsilon must be above 0, not \(optimizer.epsilon).")
        for decay in [optimizer.weightDecay, optimizer.finalWeightDecay ?? 0] {
            try require(decay >= 0 && decay.isFinite, "The weight decay must be at least 0, not \(decay).")
        }
    }

    /// Throws where a step needs more pictures than there are.
    func check(pictures count: Int) throws(TrainingError) {
        try require(
            batch <= count,
            "A step takes \(batch) pictures, and there are \(count): give a smaller --batch, or more pictures.")
    }

    /// Throws where pictures are not those that the settings want.
    func check(_ pictures: PictureSet) throws(TrainingError) {
        try check(pictures: pictures.count)
        try require(
            pictures.crop == crop, "The pictures are cropped \(pictures.crop), and the run wants \(crop).")
    }

    /// Throws with a text for the user unless a setting makes sense.
    func require(_ holds: Bool, _ text: String) throws(TrainingError) {
        if !holds { throw .invalidSetting(text) }
    }
}
