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
}
