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

    /// Measures on held-out pictures.
    ///
    /// - Parameters:
    ///   - transformer: In float32.
    ///   - tokenizer: What made the tokens.
    ///   - tokens: With labels below the number of classes.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(of transformer: NextScaleTransformer, tokenizer: VisualTokenizer, on tokens: TokenSet) throws {
        let classes = transformer.configuration.classes
        let forcing = TeacherForcing(transformer)
        var confusion = [[Int]](repeating: .init(repeating: 0, count: classes), count: classes)
        var sum = 0.0
        for index in 0..<tokens.count {
            let row = try tokens.batch([index], flipped: [false])
            let inputs = try withoutGradients { () throws(TorchError) in try tokenizer.quantizer.teacherInputs(row) }
            let labels = Array(0..<classes)
            let perScale = try forcing.perScale(
                tokens: row.expanded([classes, -1]), inputs: inputs.expanded([classes, -1, -1]),
                labels: Tensor(labels, shape: [classes])
            ).losses
            let totals = labels.map { label in perScale.reduce(0) { $0 + $1[label] } }
            let likeliest = totals.indices.min { totals[$0] < totals[$1] } ?? 0
            confusion[tokens.labels[index]][likeliest] += 1
            sum += totals[tokens.labels[index]]
        }
        self.confusion = confusion
        accuracy = Double(labelsRight(confusion)) / Double(tokens.count)
        loss = sum / Double(tokens.count * tokens.tokenCount)
    }
}

private func labelsRight(_ confusion: [[Int]]) -> Int { confusion.indices.reduce(0) { $0 + confusion[$1][$1] } }
