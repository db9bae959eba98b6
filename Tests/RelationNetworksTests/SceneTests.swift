// What must hold of every Sort-of-CLEVR scene, and the literal first ones.

import Learning
import Testing

@testable import RelationNetworks

@Suite struct SceneTests {
  typealias Scene = SortOfCLEVR.Scene

  static let scenes = (0..<2_000).map { Scene(seed: 7, split: .training, index: $0) }

  @Test func objectsLieInsideAndApart() {
    for scene in Self.scenes {
      #expect(scene.objects.map(\.color) == SortOfCLEVR.Color.allCases)
      var covered = Set<Int>()
      for object in scene.objects {
        for y in object.y - 5...object.y + 5 {
          for x in object.x - 5...object.x + 5 where (0..<75).contains(x) && (0..<75).contains(y) {
            covered.insert(75 * y + x)
          }
        }
      }
      #expect(covered.count == 6 * 11 * 11)
      #expect(scene.objects.allSatisfy { $0.x != 37 && $0.y != 37 })
    }
  }

  @Test func nearestAndFurthestAreOthersAndUnique() {
    for scene in Self.scenes {
      for object in scene.objects {
        let distances = scene.objects.filter { $0 != object }
          .map { ($0, object.squaredDistance(to: $0)) }
          .sorted { $0.1 < $1.1 }
        #expect(distances[0].1 < distances[1].1 && distances[3].1 < distances[4].1)
        #expect(scene.nearest(to: object.color) == distances[0].0)
        #expect(scene.furthest(from: object.color) == distances[4].0)
      }
    }
  }

  @Test func tiesAreFound() {
    // Blue and green are both 20 from red.
    let tied = Scene(objects: [
      .init(.red, .square, x: 30, y: 30), .init(.green, .circle, x: 50, y: 30),
      .init(.blue, .circle, x: 30, y: 50), .init(.orange, .circle, x: 69, y: 61),
      .init(.gray, .circle, x: 6, y: 69), .init(.yellow, .square, x: 68, y: 5),
    ])
    #expect(tied.hasTies)
    #expect(tied.nearest(to: .red).color == .green)
    var untied = tied.objects
    untied[2].y = 49
    #expect(!Scene(objects: untied).hasTies)
  }

  /// With a fixed place for each object, half of the pictures would look alike: every place and
  /// outline must turn up, and about evenly.
  @Test func placesAndOutlinesAreEven() {
    let objects = Self.scenes.flatMap(\.objects)
    let circles = objects.count { $0.outline == .circle }
    #expect(abs(Double(circles) / Double(objects.count) - 0.5) < 0.02)
    for axis in [\SortOfCLEVR.Object.x, \SortOfCLEVR.Object.y] {
      let counts = Dictionary(grouping: objects, by: { $0[keyPath: axis] }).mapValues(\.count)
      #expect(Set(counts.keys) == Set((5...69).filter { $0 != 37 }))
      let low = objects.count { $0[keyPath: axis] < 37 }
      #expect(abs(Double(low) / Double(objects.count) - 0.5) < 0.02)
    }
  }

  @Test func aSceneDependsOnSeedSplitAndIndexAlone() {
    let forwards = (0..<50).map { Scene(seed: 3, split: .test, index: $0) }
    let backwards = (0..<50).reversed().map { Scene(seed: 3, split: .test, index: $0) }
    #expect(forwards == backwards.reversed())
    #expect(Set(forwards).count == 50)
    let others = [
      Scene(seed: 4, split: .test, index: 0), Scene(seed: 3, split: .training, index: 0),
      Scene(seed: 3, split: .validation, index: 0),
      Scene(seed: 3 + 1 << 32, split: .test, index: 0),
    ]
    #expect(Set(others + forwards).count == 54)
  }

  /// Splits of one seed never share an image.
  @Test func splitsAreApart() {
    let perSplit = Split.allCases.map { split in
      Set((0..<500).map { Scene(seed: 1, split: split, index: $0) })
    }
    #expect(perSplit[0].union(perSplit[1]).union(perSplit[2]).count == 1_500)
  }

  /// Changing the generator changes what every published result was trained on.
  @Test func theFirstSceneIsThisOneForEver() {
    let scene = Scene(seed: 1, split: .training, index: 0)
    let text = scene.objects.map { "\($0.color) \($0.outline) \($0.x) \($0.y)" }
    #expect(
      text == [
        "red square 43 12", "green square 48 60", "blue square 67 56", "orange circle 26 64",
        "gray circle 40 25", "yellow square 26 26",
      ])
    var pixels = [Float](repeating: 0, count: SortOfCLEVR.imageScalarCount)
    pixels.withUnsafeMutableBufferPointer { scene.render(into: $0) }
    #expect(digest(pixels) == 0x3FC5DF330010CA15)
    let dataSet = SortOfCLEVR.DataSet(seed: 1)
    let samples = (0..<2_000).map { dataSet.sample($0, in: .training) }
    // As the family's file shows it.
    #expect(samples[0].question.text == "What shape is the orange object?")
    #expect(samples[10].question.text == "What shape is the object nearest to the gray one?")
    #expect(samples[0].answer == .circle && samples[10].answer == .square)
    #expect(digest(samples.flatMap(\.question.bits)) == 0xF77B206F0E18E9E5)
    #expect(digest(samples.map { Float($0.answer.rawValue) }) == 0x280C226EF66CDF65)
  }

  /// FNV-1a over the bit patterns.
  private func digest(_ scalars: [Float]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for scalar in scalars {
      hash = (hash ^ UInt64(scalar.bitPattern)) &* 0x100_0000_01B3
    }
    return hash
  }
}
