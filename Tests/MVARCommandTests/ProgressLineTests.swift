import Testing

@testable import MVARCommand

@Suite("The line of progress") struct ProgressLineTests {
    @Test("Rate and time left come from the share of the work") func rates() {
        let text = ProgressLine.text(
            label: "sampling", unit: "picture", count: 3, total: 10, fraction: 0.25, elapsed: .seconds(30))
        #expect(text == "sampling: 3 of 10 pictures, 25%, 12.0 s a picture, 1 min 30 s left")
        let fast = ProgressLine.text(
            label: "encoding", unit: "picture", count: 50, total: 100, fraction: 0.5, elapsed: .seconds(10))
        #expect(fast == "encoding: 50 of 100 pictures, 50%, 5.0 pictures a second, 10 s left")
    }

    @Test("Work that was done before the clock started does not count for the rate") func goingOn() {
        func text(_ count: Int, _ seconds: Int) -> String {
            ProgressLine.text(
                label: "training", unit: "step", count: count, total: 1000, fraction: Double(count) / 1000, since: 0.5,
                elapsed: .seconds(seconds))
        }
        #expect(text(500, 0) == "training: 500 of 1000 steps")
        #expect(text(510, 20) == "training: 510 of 1000 steps")
        #expect(text(625, 250) == "training: 625 of 1000 steps, 62%, 2.0 s a step, 12 min 30 s left")
        #expect(text(510, 60) == "training: 510 of 1000 steps, 51%, 6.0 s a step, 49 min 0 s left")
    }

    @Test("Nothing is divided by nothing") func start() {
        let text = ProgressLine.text(
            label: "sampling", unit: "picture", count: 0, total: 1, fraction: 0, elapsed: .zero)
        #expect(text == "sampling: 0 of 1 picture")
    }

    @Test(
        "Times are spoken in their two largest units",
        arguments: [(4.2, "5 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
    func times(seconds: Double, text: String) {
        #expect(ProgressLine.spoken(seconds: seconds) == text)
    }
}
