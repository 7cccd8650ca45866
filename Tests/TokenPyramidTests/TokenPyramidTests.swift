import Foundation
import Testing
import TokenPyramid

@Suite("Schedules") struct ScaleScheduleTests {
    @Test("The published schedules have 680 and 2240 tokens in 10 scales")
    func published() {
        #expect(ScaleSchedule.published256.tokenCount == 680)
        #expect(ScaleSchedule.published512.tokenCount == 2240)
        #expect(ScaleSchedule.published(tokenCount: 2240) == .published512)
        #expect(ScaleSchedule.published(tokenCount: 681) == nil)
    }

    @Test("Ranges of scales follow one another without a gap")
    func ranges() {
        let schedule = ScaleSchedule.published256
        var end = 0
        for scale in 0..<schedule.count {
            #expect(schedule.range(ofScale: scale).lowerBound == end)
            #expect(schedule.range(ofScale: scale).count == schedule.tokenCount(ofScale: scale))
            end = schedule.range(ofScale: scale).upperBound
        }
        #expect(end == schedule.tokenCount)
        #expect(
            schedule.range(ofScales: 2..<5) == schedule.range(ofScale: 2)
                .lowerBound..<schedule.range(ofScale: 4).upperBound)
    }

    @Test("The default first spatial scale is the first of side 13 or more, or none")
    func firstSpatialScale() throws {
        #expect(ScaleSchedule.published256.defaultFirstSpatialScale == 8)
        #expect(ScaleSchedule.published512.defaultFirstSpatialScale == 6)
        #expect(try ScaleSchedule([1, 2, 4]).defaultFirstSpatialScale == 3)
    }

    @Test(
        "A schedule that does not grow from 1 or more is declined",
        arguments: [[], [0, 1], [1, 1], [2, 1], [-1], [1, 5000]])
    func declined(sides: [Int]) { #expect(throws: ScheduleError.self) { try ScaleSchedule(sides) } }

    @Test("A schedule in JSON is a list of sides, and a bad one does not decode")
    func json() throws {
        let schedule = try JSONDecoder().decode(ScaleSchedule.self, from: Data("[1,2,5]".utf8))
        #expect(schedule.sides == [1, 2, 5])
        #expect(throws: (any Error).self) { try JSONDecoder().decode(ScaleSchedule.self, from: Data("[2,1]".utf8)) }
    }
}

@Suite("Attention patterns") struct AttentionPatternTests {
    @Test(
        "Patterns are read as they are written",
        arguments: ["full", "scale", "window-0", "window-3", "spatial-7", "spatial-6"])
    func roundTrip(text: String) { #expect(AttentionPattern(text)?.description == text) }

    @Test(
        "What is no pattern is declined",
        arguments: [
            "", "full-1", "window", "window-", "window--1", "spatial-0", "spatial", "scale-2", "Full", "spatial-7-1",
        ])
    func declined(text: String) { #expect(AttentionPattern(text) == nil) }

    @Test("A scale is kept exactly as long as a later one reads it")
    func keeping() {
        #expect(AttentionPattern.full.scalesToKeep(after: 3, of: 10) == 0..<4)
        #expect(AttentionPattern.window(2).scalesToKeep(after: 5, of: 10) == 4..<6)
        #expect(AttentionPattern.scale.scalesToKeep(after: 3, of: 10).isEmpty)
        for pattern in [AttentionPattern.full, .window(3), .scale, .spatial(kernel: 7)] {
            #expect(pattern.scalesToKeep(after: 9, of: 10).isEmpty)
        }
    }
}

@Suite("Windows") struct NeighborhoodWindowTests {
    @Test(
        "A window always holds min(kernel, length) keys, inside the map, with the query among them", arguments: 1...12)
    func invariants(kernel: Int) {
        for length in 1...20 {
            let window = NeighborhoodWindow(length: length, kernel: kernel)
            for position in 0..<length {
                let keys = window.keys(at: position)
                #expect(keys.count == min(kernel, length))
                #expect(keys.lowerBound >= 0 && keys.upperBound <= length)
                #expect(keys.contains(position))
            }
        }
    }

    @Test("Away from the borders the window starts half a kernel before the query, even kernels included")
    func center() {
        #expect(NeighborhoodWindow(length: 20, kernel: 7).keys(at: 10) == 7..<14)
        #expect(NeighborhoodWindow(length: 20, kernel: 6).keys(at: 10) == 7..<13)
        #expect(NeighborhoodWindow(length: 20, kernel: 7).keys(at: 1) == 0..<7)
        #expect(NeighborhoodWindow(length: 20, kernel: 7).keys(at: 19) == 13..<20)
    }

    @Test("A mask has kernel² keys in every row, and all where the window covers the map")
    func mask() {
        let mask = NeighborhoodWindow.mask(height: 5, width: 9, kernel: 3)
        for query in 0..<45 { #expect(mask[query * 45..<(query + 1) * 45].count { $0 } == 9) }
        #expect(NeighborhoodWindow.mask(height: 4, width: 4, kernel: 7).allSatisfy { $0 })
    }
}
