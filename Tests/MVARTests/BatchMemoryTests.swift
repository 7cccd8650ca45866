import MVAR
import Testing

@Suite("Memory of a batch") struct BatchMemoryTests {
    private func model(_ pattern: AttentionPattern? = nil) throws -> LoadedModel {
        var source = ModelSource()
        source.pattern = pattern
        return try LoadedModel(source)
    }

    @Test("Guidance doubles what a picture takes but for f̂, and keys and values add to it") func parts() throws {
        let alone = BatchMemory(try model(), isGuided: false)
        let guided = BatchMemory(try model(), isGuided: true)
        #expect(guided.bytesOfPicture > alone.bytesOfPicture)
        #expect(guided.bytesOfPicture < 2 * alone.bytesOfPicture)
        #expect(guided.sharedBytes == alone.sharedBytes)
        #expect(BatchMemory(try model(.full), isGuided: true).bytesOfPicture > guided.bytesOfPicture)
    }

    @Test("The largest batch is a power of two that fits, one picture at least and 512 at most") func largest() throws {
        let memory = BatchMemory(try model(), isGuided: true)
        for gigabytes in [3, 8, 24, 80] {
            let bytes = gigabytes << 30
            let batch = memory.largestBatch(fitting: bytes)
            #expect(batch.nonzeroBitCount == 1 && batch > 1)
            #expect(memory.sharedBytes + batch * memory.bytesOfPicture < bytes)
            #expect(batch == 512 || memory.sharedBytes + 4 * batch * memory.bytesOfPicture > bytes / 2)
        }
        #expect(memory.largestBatch(fitting: 0) == 1)
        #expect(memory.largestBatch(fitting: 150 << 30) == 512)
        #expect(memory.largestBatch(fitting: 150 << 30, of: 13) == 8)
    }

    @Test("On the CPU a batch that suits it is the usual one, or less") func automatic() throws {
        let generator = ImageGenerator(try model())
        #expect((1...ImageGenerator.usualBatch).contains(try generator.automaticBatch(generator.defaultParameters)))
    }
}
