// Batches in files: what another program wrote is read, and what does not fit is named.

import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct BatchFileTests {
  /// A batch of two stories for `babi`, with one entry replaced or left out.
  private func inputs(
    without missing: String = "", story: (Shape, Int64) = ([2, 20, 7], 179),
    question: (Shape, Int64) = ([2, 4], 0), target: (Shape, Int64) = ([2], 158)
  ) throws -> AnswerBatch {
    var writer = SafetensorsWriter()
    for (name, (shape, word)) in [("objects", story), ("question", question), ("target", target)]
    where name != missing {
      writer.add(name, [Int64](repeating: word, count: shape.count), shape: shape)
    }
    let file = try Safetensors(decoding: writer.encoded(), file: "batch.safetensors")
    let model = try BAbIFamily.model(BAbIFamily.presets[0].settings, data: nil)
    return try BAbIFamily.batch(for: model, from: file, prefix: "")
  }

  @Test func aSoundBatchIsRead() throws {
    let inputs = try inputs()
    guard case .story(let story, nil) = inputs.scene, case .words(let words) = inputs.question,
      case .labels(let labels) = inputs.target
    else {
      Issue.record("not a story, a question of words and labels")
      return
    }
    #expect(story.shape == [2, 20, 7] && story.indices.allSatisfy { $0 == 179 })
    #expect(words.shape == [2, 4] && labels == [158, 158])
  }

  @Test func whatDoesNotFitIsNamed() {
    func expectError(_ words: String..., in body: () throws -> AnswerBatch) {
      #expect {
        try body()
      } throws: { error in
        words.allSatisfy { "\(error)".contains($0) }
      }
    }
    expectError("objects", "no tensor") { try inputs(without: "objects") }
    expectError("question", "no tensor") { try inputs(without: "question") }
    expectError("objects", "[2, 19, 7]") { try inputs(story: ([2, 19, 7], 1)) }
    expectError("objects", "[any, 20, any]") { try inputs(story: ([2, 20, 0], 1)) }
    expectError("objects", "180") { try inputs(story: ([2, 20, 7], 180)) }
    expectError("question", "-1") { try inputs(question: ([2, 4], -1)) }
    expectError("question", "[3, 4]") { try inputs(question: ([3, 4], 1)) }
    expectError("target", "159") { try inputs(target: ([2], 159)) }
    expectError("target", "[2, 1]") { try inputs(target: ([2, 1], 0)) }
  }
}
