// Where the time of a step goes: how long each kind of operation takes, and what it multiplies.

import Tensors

/// The time and the matrix products of each kind of operation on the tapes that were given this
/// profile.
///
/// A profile belongs to the thread of its tapes.
public final class OperationProfile {
  /// One kind of operation.
  public struct Entry: Sendable {
    /// The kind, such as `relation`.
    public let name: String
    /// The time of its forward kernels, in seconds.
    public fileprivate(set) var forwardSeconds = 0.0
    /// The time of its derivative rules, in seconds.
    public fileprivate(set) var backwardSeconds = 0.0
    /// The multiplications and additions of its matrix products, forwards and backwards.
    public fileprivate(set) var productOperations = 0.0

    /// The time forwards and backwards, in seconds.
    public var seconds: Double { forwardSeconds + backwardSeconds }
  }

  private var byKind: [Operation.Kind: Entry] = [:]
  /// A derivative rule applies operations, whose time is the rule's.
  private var isWithinRule = false

  /// A profile of nothing yet.
  public init() {}

  /// The kinds that took any time, the longest first.
  public var entries: [Entry] {
    byKind.values.sorted { ($0.seconds, $0.name) > ($1.seconds, $1.name) }
  }

  func measureForward<Result>(
    _ operation: Operation, _ operands: [Shape], _ body: () -> Result
  ) -> Result {
    if isWithinRule { return body() }
    let start = ContinuousClock.now
    let result = body()
    let time = start.duration(to: .now) / .seconds(1)
    let products = operation.productOperations(operands)
    add(operation.kind) {
      $0.forwardSeconds += time
      $0.productOperations += products
    }
    return result
  }

  func measureBackward<Result>(_ record: Record, needs: [Bool], _ body: () -> Result) -> Result {
    isWithinRule = true
    defer { isWithinRule = false }
    let start = ContinuousClock.now
    let result = body()
    let time = start.duration(to: .now) / .seconds(1)
    let products = record.operation.gradientProductOperations(
      record.operands.map(\.shape), needs: needs)
    add(record.operation.kind) {
      $0.backwardSeconds += time
      $0.productOperations += products
    }
    return result
  }

  private func add(_ kind: Operation.Kind, _ body: (inout Entry) -> Void) {
    body(&byKind[kind, default: Entry(name: kind.rawValue)])
  }
}

extension Operation {
  /// The multiplications and additions of the matrix products in the operation's derivative rule.
  fileprivate func gradientProductOperations(_ operands: [Shape], needs: [Bool]) -> Double {
    // The gradient of each factor is a product as large as the one it came from.
    let forward = productOperations(operands)
    switch self {
    case .fused(.lstm), .fused(.relation): return 2 * forward
    case .fused(.convolutionStack(let geometry, _)):
      // The images, unlike what the other layers read, may need no gradient.
      return 2 * forward
        - (needs[0] ? 0 : convolutionProduct(operands[0], operands[1], geometry).operations)
    default: return Double(needs.prefix(2).count { $0 }) * forward
    }
  }

  /// The multiplications and additions of the matrix products in the operation's forward kernel.
  fileprivate func productOperations(_ operands: [Shape]) -> Double {
    switch self {
    case .matrixProduct(let transposeA, let transposeB):
      let rows = operands[0].count / operands[0][transposeA ? -2 : -1]
      return product(rows, operands[0][transposeA ? -2 : -1], operands[1][transposeB ? -2 : -1])
    case .affine: return product(operands[0][0], operands[0][1], operands[1][0])
    case .convolution(let geometry):
      return convolutionProduct(operands[0], operands[1], geometry).operations
    case .fused(let operation): return operation.productOperations(operands)
    case .convolutionInputGradient:
      return product(operands[0][0], operands[0][2], operands[0][3], operands[1].count)
    case .convolutionWeightGradient(_, let height, let width):
      let gradient = operands[1]
      return product(gradient.count, operands[0][1], height, width)
    default: return 0
    }
  }
}

extension FusedOperation {
  fileprivate func productOperations(_ operands: [Shape]) -> Double {
    switch self {
    case .batchNormalization, .layerNormalization: return 0
    case .convolutionStack(let geometry, _):
      var (map, total) = (operands[0], 0.0)
      for weight in stride(from: 1, to: operands.count, by: 4) {
        let layer = convolutionProduct(map, operands[weight], geometry)
        map = layer.output
        total += layer.operations
      }
      return total
    case .lstm(let order):
      return product(order.lengths.reduce(0, +), operands[1].count + operands[2].count)
    case .relation(let shape):
      let parts = RelationOperands(operands, shape: shape)
      let pairs = shape.objectCounts.reduce(0) { $0 + $1 * $1 }
      // The first layer is computed once for each object and question.
      let (objects, width) = (parts.objects, parts.weights[0][0])
      let first =
        product(2, objects.count, width) + (parts.question.map { product($0.count, width) } ?? 0)
      return parts.weights.dropFirst().reduce(first) { $0 + product(pairs, $1.count) }
    }
  }
}

private func convolutionProduct(
  _ image: Shape, _ weight: Shape, _ geometry: ConvolutionGeometry
) -> (output: Shape, operations: Double) {
  let output: Shape = [
    image[0], weight[0], geometry.outputExtent(of: image[2], kernel: weight[2]),
    geometry.outputExtent(of: image[3], kernel: weight[3]),
  ]
  return (output, product(image[0], output[2], output[3], weight.count))
}

/// A multiplication and an addition for each element of the product's extents.
private func product(_ factors: Int...) -> Double { factors.reduce(2) { $0 * Double($1) } }
