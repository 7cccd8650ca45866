/// What the settings of every kind of run have, and what must hold of it.
protocol TrainingSettings {
    var batch: Int { get }
    var learningRate: Double { get }
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
        try require(batch >= 1, "A step needs at least 1 picture, not \(batch).")
        try require(
            learningRate > 0 && learningRate.isFinite, "The learning rate must be above 0, not \(learningRate).")
        try require(clip > 0, "The largest gradient norm must be above 0, not \(clip).")
        try require(
            (0..<1).contains(averageDecay), "The decay of the average must be in 0..<1, not \(averageDecay).")
    }

    /// Throws with a text for the user unless a setting makes sense.
    func require(_ holds: Bool, _ text: String) throws(TrainingError) {
        if !holds { throw .invalidSetting(text) }
    }
}
