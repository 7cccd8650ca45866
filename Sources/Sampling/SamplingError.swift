/// Why a generation cannot start or go on: settings, requests and states that make no sense.
public enum SamplingError: Error, Hashable, Sendable {
    /// Guidance that is negative, infinite or no number.
    case guidance(Double)
    /// A negative number of codes to keep.
    case topK(Int)
    /// A share of the probability outside 0...1.
    case topP(Double)
    /// A temperature that is negative, infinite or no number.
    case temperature(Double)
    /// A request for no pictures.
    case noPictures
    /// As many classes as image numbers are needed.
    case unequalCounts(classes: Int, images: Int)
    /// A class that the model has not.
    case unknownClass(Int, classes: Int)
    /// An image number that the generator of random numbers has no room for.
    case imageNumber(Int)
    /// A transformer and a tokenizer that were not made for each other.
    case unlikeTokenizer(property: String, transformer: String, tokenizer: String)
    /// Tokens were to be replaced before the first scale.
    case nothingToReplace
    /// Tokens in another number than the scale has.
    case tokenCount(picture: Int, expected: Int, found: Int)
    /// A token that is no code.
    case tokenOutOfRange(Int32, picture: Int, place: Int, vocabularySize: Int)
    /// Another number of pictures than the generation has.
    case pictureCount(expected: Int, found: Int)
    /// Logits that are no numbers.
    case notANumber(scale: Int)
    /// A saved generation that is damaged.
    case damagedState(String)
    /// A saved generation of another model.
    case unlikeState(property: String, model: String, state: String)
}

extension SamplingError: CustomStringConvertible {
    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .guidance(let value):
            "--cfg \(value) is no strength of guidance: give a number of at least 0, such as 1.5; 0 switches it off."
        case .topK(let value):
            "--top-k \(value) is negative: give how many codes to draw from, or 0 for all of them."
        case .topP(let value):
            "--top-p \(value) is outside 0 to 1: give the share of the probability to draw from, or 0 for all of it."
        case .temperature(let value):
            "--temperature \(value) is no temperature: give a number above 0, or 0 for the likeliest code every time."
        case .noPictures: "No pictures were asked for: --count must be at least 1."
        case .unequalCounts(let classes, let images):
            "There are \(classes) classes for \(images) image numbers: give one of each for every picture."
        case .unknownClass(let label, let classes):
            "Class \(label) is outside 0 to \(classes - 1), the model's classes; \(classes) stands for no class."
        case .imageNumber(let number):
            "Image number \(number) is outside 0 to \(GenerationRequest.imageNumbers.upperBound - 1)."
        case .unlikeTokenizer(let property, let transformer, let tokenizer):
            "The model needs a tokenizer whose \(property) is \(transformer), and this one's is \(tokenizer): "
                + "give the one that it was trained with, by --tokenizer."
        case .nothingToReplace: "No scale has been generated yet, so there are no tokens to replace."
        case .tokenCount(let picture, let expected, let found):
            "Picture \(picture) was given \(found) tokens, and the scale has \(expected)."
        case .tokenOutOfRange(let token, let picture, let place, let vocabularySize):
            "Token \(token) at place \(place) of picture \(picture) is outside 0 to \(vocabularySize - 1)."
        case .pictureCount(let expected, let found):
            "Tokens of \(found) pictures were given, and the generation has \(expected)."
        case .notANumber(let scale):
            "The model's logits at scale \(scale) are not numbers: the checkpoint is damaged, --precision too low for it "
                + "(try --precision float32), or --cfg absurdly strong."
        case .damagedState(let what): "The saved generation is damaged: \(what). Start it again."
        case .unlikeState(let property, let model, let state):
            "The saved generation was made where the \(property) is \(state), and this model's is \(model): "
                + "go on with the model that began it."
        }
    }
}
