// The Worker executable.

import Launching

@main
enum Main {
  static func main() { WorkerCommand.main() }
}
