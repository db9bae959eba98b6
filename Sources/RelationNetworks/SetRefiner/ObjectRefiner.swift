// The Set Refiner Network between seeing objects and reasoning about them.

import Autodiff
import NeuralNetworks
import Tensors

/// Refines the objects that were seen of a scene until they sum up to what was seen of it as a
/// whole: z, a linear function of all objects in their places.
///
/// The paper's relation network for Sort-of-CLEVR has one between its convolutions and its pairs
/// (Huang and others 2020, section 3.1); how its H is built is not published.
public struct ObjectRefiner: Sendable {
  private let refiner: SetRefiner
  private let summary: SetSummary
  private let target: Linear
  private let capacity: Int

  /// A refiner of the objects of a scene, named `prefix` in the layout.
  init(
    _ prefix: String, _ refinement: AnswerModelConfiguration.SetRefinement,
    of scene: AnswerModelConfiguration.Scene, in layout: inout ParameterLayout
  ) {
    let (count, features) = scene.objects
    let widths = refinement.summaryWidths
    refiner = SetRefiner(refinement.inner)
    capacity = count
    summary = .ofElements("\(prefix).summary", features: features, widths: widths, in: &layout)
    target = Linear(
      "\(prefix).target", from: count * features, to: widths[widths.count - 1], in: &layout)
  }

  /// The refined sets, all of the scene's full size.
  func callAsFunction(_ objects: ObjectSet, in pass: ForwardPass) -> Refinement {
    let seen = objects.flattened(capacity: capacity)
    let start = seen.reshaped(to: [seen.shape[0], capacity, seen.shape[1] / capacity])
    return refiner(start, towards: target(seen, in: pass), in: pass) { summary($0, in: pass) }
  }
}
