/// What the settings of every kind of run have, and what must hold of it.
protocol TrainingSettings {
    var batch: Int { get }
    var crop: PictureCrop { get }
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
