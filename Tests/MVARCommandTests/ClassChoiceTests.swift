import MVAR
import Testing

@Suite("Choosing classes") struct ClassChoiceTests {
    private let names = ClassNames(count: 3, names: ["goldfish, Carassius auratus", "tabby cat", "cat house"])

    @Test("Numbers, names and none stand in one list") func mixedList() throws {
        #expect(try ClassChoice(" 2, goldfish ,none", among: names) == .inTurn([2, 0, 3]))
    }

    @Test("Classes are taken in turn") func inTurn() throws {
        let choice = ClassChoice.inTurn([2, 0])
        #expect(try choice.classes(count: 5, seed: 1, classCount: 3) == [2, 0, 2, 0, 2])
    }

    @Test("Drawn classes depend on seed and picture, and on nothing else") func drawn() throws {
        let choice = try ClassChoice(nil, among: names)
        let many = try choice.classes(count: 64, seed: 7, classCount: 3)
        #expect(try choice.classes(count: 8, seed: 7, classCount: 3) == Array(many[..<8]))
        #expect(try choice.classes(count: 64, seed: 8, classCount: 3) != many)
        #expect(Set(many) == [0, 1, 2])
    }

    @Test("An ambiguous name lists its candidates") func ambiguous() {
        let failed = #expect(throws: ClassNameError.self) { try ClassChoice("cat", among: names) }
        #expect(failed?.description.contains("1 tabby cat; 2 cat house") == true)
    }

    @Test("Numbers beyond the last class are refused", arguments: ["3", "-1", "99999999999999999999", "", "0,,1"])
    func outOfRange(text: String) {
        #expect(throws: ClassNameError.self) { try ClassChoice(text, among: names) }
    }
}
