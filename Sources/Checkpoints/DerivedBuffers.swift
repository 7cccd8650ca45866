/// Tensors that checkpoints carry and no network needs: PyTorch registers them as buffers, and they can be computed.
///
/// Strict accounting of names passes them by, wherever they stand.
public enum DerivedBuffers {
    /// Ends of names, each with the reason why the tensor is not needed.
    public static let reasons: [(suffix: String, reason: String)] = [
        ("lvl_1L", "the scale of every token, which the schedule says; the schedule is read from it"),
        ("attn_bias_for_masking", "the attention mask, which the pattern says"),
        ("attn.zero_k_bias", "zeros: keys have no bias"),
        ("quantize.ema_vocab_hit_SV", "how often each code was used in training, kept for training the tokenizer on"),
    ]

    /// Whether a tensor of this name is one of them.
    ///
    /// - Parameter name: A name as in a state dict.
    /// - Returns: Whether strict accounting passes it by.
    public static func contains(_ name: String) -> Bool {
        reasons.contains { name == $0.suffix || name.hasSuffix("." + $0.suffix) }
    }
}
