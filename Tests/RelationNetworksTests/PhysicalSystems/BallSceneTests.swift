// How scenes of balls begin, and how they go on.

import Foundation
import Learning
import Testing

@testable import RelationNetworks

@Suite struct BallSceneTests {
  private typealias Systems = PhysicalSystems
  private typealias Scene = PhysicalSystems.Scene

  private func scenes(_ count: Int, of split: Split = .test, seed: UInt64 = 1) -> [Scene] {
    (0..<count).map { Scene(seed: seed, split: split, index: $0) }
  }

  @Test func aSceneIsAFunctionOfItsNumber() {
    let source = Systems.GeneratedScenes(seed: 7)
    let forwards = (0..<20).map { source.sample($0, in: .test) }
    let backwards = (0..<20).reversed().map { source.sample($0, in: .test) }
    #expect(forwards == backwards.reversed())
    #expect(Set(forwards).count == 20)
    #expect(forwards[3] != source.sample(3, in: .validation))
    #expect(forwards[3] != Systems.GeneratedScenes(seed: 8).sample(3, in: .test))
  }

  /// The library's memory must not be shared by accident.
  @Test func threadsSimulateTheSameBits() async {
    let alone = (0..<40).map { Systems.GeneratedScenes(seed: 2).sample($0, in: .training) }
    let together = await withTaskGroup(of: (Int, PhysicalSystems.Sample).self) { group in
      for index in 0..<40 {
        group.addTask {
          (index, PhysicalSystems.GeneratedScenes(seed: 2).sample(index, in: .training))
        }
      }
      return await group.reduce(into: alone) { $0[$1.0] = $1.1 }
    }
    #expect(alone == together)
  }

  @Test func ballsLieApartAndWithinTheTable() {
    for scene in scenes(200) {
      for (i, place) in scene.positions.enumerated() {
        #expect(abs(place.x) <= 0.9 && abs(place.y) <= 0.9)
        for other in scene.positions[..<i] { #expect((place - other).length >= 0.15) }
      }
      #expect(scene.colors.sorted() == Array(0..<10))
    }
  }

  @Test func systemsAreUniformInOneToTen() {
    var counts = [Int](repeating: 0, count: 11)
    for scene in scenes(5_000) { counts[scene.links.systemCount] += 1 }
    // 500 of each are expected; five deviations are 106.
    #expect(counts[0] == 0 && counts.dropFirst().allSatisfy { abs($0 - 500) < 106 })
  }

  @Test func halfOfTheLinksAreRigidAndCloseNoRing() {
    var (links, rigid) = (0, 0)
    for scene in scenes(2_000) {
      let rods = scene.links.list.filter { $0.kind == .rigid }
      links += scene.links.list.count
      rigid += rods.count
      var components = Systems.Components(count: 10)
      for rod in rods { components.join(rod.first, rod.second) }
      #expect(components.count == 10 - rods.count)
    }
    // 4.68 links in the mean.
    #expect((4.4...4.9).contains(Double(links) / 2_000))
    #expect((0.48...0.51).contains(Double(rigid) / Double(links)))
  }

  @Test func velocitiesRespectRigidLinksAndAreOtherwiseFree() {
    var speeds: [Double] = []
    for scene in scenes(500) {
      var isHeld = [Bool](repeating: false, count: 10)
      for rod in scene.links.list where rod.kind == .rigid {
        let way = scene.positions[rod.second] - scene.positions[rod.first]
        let parting = scene.velocities[rod.second] - scene.velocities[rod.first]
        #expect(abs(way.dot(parting)) < 1e-12)
        isHeld[rod.first] = true
        isHeld[rod.second] = true
      }
      speeds += scene.velocities.indices.filter { !isHeld[$0] }.map { scene.velocities[$0].length }
    }
    #expect(speeds.allSatisfy { 0.3 - 1e-12 < $0 && $0 < 0.9 + 1e-12 })
    #expect(abs(speeds.reduce(0, +) / Double(speeds.count) - 0.6) < 0.02)
  }

  @Test func simulationBeginsWhereTheSceneDoesAndStaysOnTheTable() {
    for scene in scenes(100) {
      let frames = scene.simulated()
      #expect(frames.count == 16 * 10 * 2)
      #expect(Array(frames.prefix(20)) == scene.positions.flatMap { [Float($0.x), Float($0.y)] })
      // A ball's radius from the wall, but for the step in which it touches it.
      #expect(frames.allSatisfy { abs($0) < 0.97 })
    }
  }

  @Test func rodsKeepTheirLengthAndSpringsSwing() {
    var swings: [Float] = []
    for scene in scenes(200) {
      let sample = Systems.Sample(
        positions: scene.simulated(), colors: scene.colors, links: scene.links)
      for link in scene.links.list {
        let lengths = (0..<16).map { frame in
          let (x, y) = (
            sample.position(ofBall: link.first, at: frame, axis: 0)
              - sample.position(ofBall: link.second, at: frame, axis: 0),
            sample.position(ofBall: link.first, at: frame, axis: 1)
              - sample.position(ofBall: link.second, at: frame, axis: 1)
          )
          return (x * x + y * y).squareRoot()
        }
        let change = (lengths.max() ?? 0) - (lengths.min() ?? 0)
        if link.kind == .rigid { #expect(change < 0.02) } else { swings.append(change) }
      }
    }
    // Nine of ten springs move by more than a hundredth.
    #expect(swings.sorted()[swings.count / 10] > 0.03)
  }

  /// Balls that nothing joins and that meet nobody go straight on: the first frames of those that
  /// are far from walls and others.
  @Test func freeBallsGoStraight() {
    var seen = 0
    for scene in scenes(100) where scene.links.list.isEmpty {
      let frames = scene.simulated()
      for ball in 0..<10 {
        let (start, velocity) = (scene.positions[ball], scene.velocities[ball])
        let isFree = scene.positions.allSatisfy { $0 == start || ($0 - start).length > 0.5 }
        guard isFree, abs(start.x) < 0.7, abs(start.y) < 0.7 else { continue }
        seen += 1
        #expect(abs(Double(frames[(2 * 10 + ball) * 2]) - start.x - 0.2 * velocity.x) < 1e-5)
        #expect(abs(Double(frames[(2 * 10 + ball) * 2 + 1]) - start.y - 0.2 * velocity.y) < 1e-5)
      }
    }
    #expect(seen > 5)
  }

  @Test func countsOfLinksMakeBaselines() {
    var counts = Systems.LinkCounts()
    counts.add(Systems.Links([]))
    counts.add(
      Systems.Links([
        .init(first: 0, second: 1, kind: .rigid), .init(first: 1, second: 2, kind: .spring),
      ]))
    counts.add(Systems.Links([]))
    let nothing = counts.baseline(of: .connections)
    #expect(nothing["scenes"] == Measurement(sum: 2, weight: 3))
    #expect(nothing["pairs/none"] == Measurement(sum: 266, weight: 266))
    #expect(nothing["pairs/spring"] == Measurement(sum: 0, weight: 2))
    let commonest = counts.baseline(of: .counting)
    #expect(commonest["accuracy/10"] == Measurement(sum: 2, weight: 2))
    #expect(commonest["accuracy/8"] == Measurement(sum: 0, weight: 1))
  }
}
