public import ImageTokenizer
public import ScaleTransformer
import TokenPyramid
import Torch

/// Reads a generator as a classifier: the class under which a picture's tokens are likeliest.
public struct ClassLikelihood {
    /// The share of pictures whose own class is the likeliest.
    public let accuracy: Double
    /// `[true class][likeliest class]`: how many pictures.
    public let confusion: [[Int]]
    /// The mean cross-entropy of a token under the true class.
    public let loss: Double

    /// How many pictures were read.
    public let pictures: Int

    /// Measures on held-out pictures.
    ///
    /// Every picture is read under every class, which takes as long as so many pictures of training: of many pictures or
    /// classes only the first of each class are read.
    ///
    /// - Parameters:
    ///   - transformer: In float32, where the tokenizer is.
    ///   - tokenizer: What made the tokens.
    ///   - tokens: With labels below the number of classes.
    ///   - most: The most pairs of a picture and a class; one picture is read whatever it says.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(
        of transformer: NextScaleTransformer, tokenizer: VisualTokenizer, on tokens: TokenSet, most: Int = 4000
    ) throws {
        let classes = transformer.configuration.classes
        let forcing = TeacherForcing(transformer)
        let chosen = PictureIndex.evenly(max(1, most / classes), of: tokens.labels, classes: classes)
        var confusion = [[Int]](repeating: .init(repeating: 0, count: classes), count: classes)
        var sum = 0.0
        for index in chosen {
            let row = try tokens.batch([index], flipped: [false]).moved(to: tokenizer.device)
            let inputs = try withoutGradients { () throws(TorchError) in try tokenizer.quantizer.teacherInputs(row) }
            var totals: [Double] = []
            // A few classes at a time: their logits are the largest there is.
            for start in stride(from: 0, to: classes, by: Self.classesAtOnce) {
                let labels = Array(start..<min(start + Self.classesAtOnce, classes))
                let perScale = try forcing.perScale(
                    tokens: row.expanded([labels.count, -1]), inputs: inputs.expanded([labels.count, -1, -1]),
                    labels: Tensor(labels, shape: [labels.count])
                ).losses
                totals += labels.indices.map { position in perScale.reduce(0) { $0 + $1[position] } }
            }
            let likeliest = totals.indices.min { totals[$0] < totals[$1] } ?? 0
            confusion[tokens.labels[index]][likeliest] += 1
            sum += totals[tokens.labels[index]]
        }
        pictures = chosen.count
        self.confusion = confusion
        accuracy = Double(labelsRight(confusion)) / Double(chosen.count)
        loss = sum / Double(chosen.count * tokens.tokenCount)
    }

    private static let classesAtOnce = 16
}

private func labelsRight(_ confusion: [[Int]]) -> Int { confusion.indices.reduce(0) { $0 + confusion[$1][$1] } }
