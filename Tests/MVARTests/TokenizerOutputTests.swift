import MVAR
import NeuralNetworks
import TestSupport
import Testing
import Torch

@Suite("Tokenizers that are damaged") struct TokenizerOutputTests {
    @Test("Values that are no numbers are an error that names the network, and infinite ones are pixels")
    func values() throws {
        let planes = try Tensor.zeros([1, 3, 2, 2])
        let failure = #expect(throws: TokenizerOutputError.self) {
            try PixelImage.pictures(of: planes / planes)
        }
        #expect(failure?.part == .decoder)
        #expect(failure?.description.contains("decoder") == true)
        let infinite = try (planes + 1) / planes
        #expect(try PixelImage.pictures(of: infinite)[0].pixels == [UInt8](repeating: 255, count: 12))
    }

    @Test("Values of a network become ·255, held and truncated") func truncation() throws {
        let planes: [Float] = [0, 0.999_99, 1, 2, -0.5, 0, 0.5, .infinity, -.infinity, 1 / 255, 0.1, 254.9 / 255]
        let picture = try PixelImage.pictures(of: Tensor(planes, shape: [1, 3, 2, 2]))[0]
        #expect(picture.width == 2 && picture.height == 2)
        // Pixels are interleaved: the first holds values 0, 4 and 8.
        #expect(picture.pixels == [0, 0, 0, 254, 0, 1, 255, 127, 25, 255, 255, 254])
    }

    @Test("Pictures of any pixels come back from planes, each as it was") func roundTrip() throws {
        let pictures = (0..<3).map { number in
            PixelImage(width: 20, height: 14, pixels: (0..<840).map { UInt8(truncatingIfNeeded: $0 * (number + 3)) })
        }
        // Half a step up: truncation would otherwise take what rounding left just below a whole number.
        let planes = try (Tensor(pictures) + 1) * 0.5 + 0.5 / 255
        #expect(try PixelImage.pictures(of: planes) == pictures)
    }
}
