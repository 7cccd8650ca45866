import CTorch

/// Short texts under keys that all processes of a group see.
///
/// `@unchecked`: c10d locks the connection for every call. A thread that must not wait for another's call takes a
/// ``clone(patience:)``.
final class SharedStore: @unchecked Sendable {
    private let handle: CTorchStore

    private init(_ handle: CTorchStore) { self.handle = handle }

    deinit { ctorch_store_release(handle) }

    /// Connects to the store at a port, or opens it there.
    convenience init(
        host: String, port: Int, isHost: Bool, prefix: String, patience: Duration
    ) throws(TorchError) {
        var handle: CTorchStore?
        let status = ctorch_store_connect(host, Int32(port), isHost, patience.milliseconds, prefix, &handle)
        try check(status, "meeting at \(host):\(port)")
        self.init(try Self.present(handle))
    }

    /// A connection of its own to the same store.
    func clone(patience: Duration) throws(TorchError) -> SharedStore {
        var copy: CTorchStore?
        try check(ctorch_store_clone(handle, patience.milliseconds, &copy), "connecting once more")
        return SharedStore(try Self.present(copy))
    }

    /// Overwrites a text.
    func set(_ key: String, _ value: String) throws(TorchError) {
        try check(ctorch_store_set(handle, key, value), "telling the other processes \(key)")
    }

    /// A text, when it is there.
    func value(of key: String) throws(TorchError) -> String {
        var text: UnsafeMutablePointer<CChar>?
        try check(ctorch_store_get(handle, key, &text), "hearing \(key) from the other processes")
        return Self.taking(text)
    }

    /// Whether there is such a text.
    func has(_ key: String) throws(TorchError) -> Bool {
        var result = false
        try check(ctorch_store_has(handle, key, &result), "hearing from the other processes")
        return result
    }

    /// Sets a text unless there is one already; returns the one that is there then.
    func claim(_ key: String, _ value: String) throws(TorchError) -> String {
        var text: UnsafeMutablePointer<CChar>?
        try check(ctorch_store_claim(handle, key, value, &text), "telling the other processes \(key)")
        return Self.taking(text)
    }

    /// Joins the collectives of all processes.
    func join(_ environment: LauncherEnvironment, patience: Duration) throws(TorchError) -> CTorchGroup {
        var group: CTorchGroup?
        let status = ctorch_group_join(
            handle, environment.host, Int32(environment.port), Int32(environment.rank), Int32(environment.count),
            patience.milliseconds, &group)
        try check(status, "connecting the processes")
        return try Self.present(group)
    }

    private static func present(_ handle: OpaquePointer?) throws(TorchError) -> OpaquePointer {
        guard let handle else { throw TorchError("connecting the processes", message: "returned nothing") }
        return handle
    }

    private static func taking(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { ctorch_free(text) }
        return String(cString: text)
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
