import Models
import Testing

@Suite("Class names") struct ClassNameTests {
    private let imageNet = ClassNames(count: 1000)

    @Test("A model of 1,000 classes has WordNet's names")
    func imageNetNames() {
        #expect(imageNet.names.count == 1000)
        #expect(imageNet.names[207].first == "golden retriever")
        #expect(imageNet.identifiers[0] == "n01440764")
        #expect(imageNet.names.allSatisfy { !$0.isEmpty })
    }

    @Test(
        "A class is found by number, identifier, whole name, synonym or a word of its name",
        arguments: [
            ("207", 207), ("n01440764", 0), ("golden retriever", 207), ("Golden Retriever", 207),
            ("Carassius auratus", 1), ("axolotl", 29),
        ])
    func found(text: String, expected: Int) throws { #expect(try imageNet.index(of: text) == expected) }

    @Test("An ambiguous name lists its candidates")
    func ambiguous() throws {
        let error = try #require(throws: ClassNameError.self) { try imageNet.index(of: "retriever") }
        #expect(error.description.contains("golden retriever"))
        #expect(error.description.contains("Labrador retriever"))
    }

    @Test("A mistyped name is answered with near ones")
    func mistyped() throws {
        let error = try #require(throws: ClassNameError.self) { try imageNet.index(of: "goldfihs") }
        #expect(error.description.contains("goldfish"))
    }

    @Test("A number outside the classes is declined with the range", arguments: ["1000", "-1", "99999999999"])
    func outOfRange(text: String) throws {
        let error = try #require(throws: ClassNameError.self) { try imageNet.index(of: text) }
        #expect(error.description.contains("0...999"))
    }

    @Test("A model's own names win; without any, classes are numbers")
    func ownNames() throws {
        let own = ClassNames(count: 2, names: ["cat, felis", "dog"], identifiers: ["n1", "n2"])
        #expect(try own.index(of: "felis") == 0)
        #expect(own.label(of: 1) == "1 dog")
        #expect(ClassNames(count: 2).label(of: 1) == "1")
    }

    @Test("A model without names asks for numbers, and says which")
    func nameless() throws {
        let numbers = ClassNames(count: 12)
        #expect(try numbers.index(of: "11") == 11)
        let error = try #require(throws: ClassNameError.self) { try numbers.index(of: "dog") }
        #expect(error == .nameless("dog", count: 12))
        #expect(error.description.contains("no class names. Give numbers 0...11"))
    }

    @Test("Identifiers alone are enough for WordNet's names, in the model's own order")
    func namesByIdentifier() throws {
        let some = ClassNames(count: 3, identifiers: ["n02099601", "n01443537", "unheard-of"])
        #expect(some.names[0].first == "golden retriever")
        #expect(try some.index(of: "goldfish") == 1)
        #expect(some.names[2].isEmpty && some.label(of: 2) == "2")
        #expect(try some.index(of: "Unheard-of") == 2)
        // Also where there are as many classes as ImageNet has: not necessarily in its order.
        let reversed = ClassNames(count: 1000, identifiers: imageNet.identifiers.compactMap(\.self).reversed())
        #expect(reversed.names == imageNet.names.reversed())
        let named = ClassNames(count: 1, names: ["a dog"], identifiers: ["n02099601"])
        #expect(named.names == [["a dog"]])
    }

    @Test("Names that are too few for the classes are not used")
    func tooFew() { #expect(ClassNames(count: 3, names: ["a"]).names.allSatisfy { $0.isEmpty }) }
}
