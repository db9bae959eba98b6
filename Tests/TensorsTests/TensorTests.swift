// Tensors as people meet them: written down, printed, and misused.

import Testing

@testable import Tensors

@Suite struct TensorTests {
  @Test func tensorsAreWrittenAsNumbers() {
    #expect(Tensor([1, 2, 3]).shape == [3])
    let matrix = Tensor([[1, 2, 3], [4, 5, 6]])
    #expect(matrix.shape == [2, 3] && matrix.scalars == [1, 2, 3, 4, 5, 6])
    #expect(Tensor([Float]()).shape == [0])
    #expect(Tensor([[Float]]()).shape == [0, 0])
  }

  @Test func tensorsPrintTheirNumbers() {
    #expect(Tensor(scalar: 0.5).description == "[] 0.5")
    #expect(Tensor([1, -2.5, .nan]).description == "[3] [1.0, -2.5, nan]")
    #expect(
      Tensor([[1, 2], [3, 4]]).description
        == """
        [2, 2] [[1.0, 2.0],
                [3.0, 4.0]]
        """)
    #expect(
      Tensor((0..<8).map(Float.init), shape: [2, 2, 2]).description
        == """
        [2, 2, 2] [[[0.0, 1.0],
                    [2.0, 3.0]],
                   [[4.0, 5.0],
                    [6.0, 7.0]]]
        """)
    #expect(
      Tensor((0..<7).map(Float.init)).description == "[7] [0.0, 1.0, 2.0, …, 4.0, 5.0, 6.0]")
    #expect(Tensor.zeros([0, 3]).description == "[0, 3] []")
    #expect(Tensor.zeros([2, 0]).description == "[2, 0] [[],\n        []]")
    #expect(Tensor.zeros([100, 100]).description.count < 300)
    #expect(Tensor([9, 1, 2]).window(from: 1, shape: [2]).description == "[2] [1.0, 2.0]")
  }

  @Test func aContextTakesTheFastestEngine() throws {
    for precision in Precision.allCases {
      let best = MatrixEngine.best(for: precision)
      guard best.failure(computingIn: precision) == nil else { continue }
      #expect(try ComputeContext(precision: precision).engine == best)
    }
    #expect(try ComputeContext(engine: .openblas).engine == .openblas)
  }

  /// What a child process said before it ended.
  private func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @Test func mistakesShowBothShapes() async {
    let product = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let context = try ComputeContext(engine: .openblas)
      _ = Kernels.matrixProduct(.zeros([2, 3]), .zeros([4, 5]), context: context)
    }
    #expect(text(product).contains("matrix product: [2, 3] x [4, 5]"), "\(text(product))")
    let reshape = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Tensor.zeros([2, 3]).reshaped(to: [7]) }
    #expect(text(reshape).contains("reshape: [2, 3] to [7]"), "\(text(reshape))")
    let labels = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels.crossEntropy(.zeros([2, 3]), labels: [0, 3]) }
    #expect(text(labels).contains("2 labels for logits of [2, 3]"), "\(text(labels))")
  }
}
