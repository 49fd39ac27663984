package dev.culvert.crypto;

import org.jspecify.annotations.Nullable;

/** What a backend must get right before it may seal anything. */
final class KnownAnswerTest {
  private KnownAnswerTest() {}

  /** Why {@code backend} may not be used, or null. */
  static @Nullable String failure(AeadBackend backend, AeadAlgorithm algorithm) {
    return null;
  }
}
