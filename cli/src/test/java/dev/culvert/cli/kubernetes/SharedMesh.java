// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.LabSite;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

/** A mesh that all tests of a class go through, one after the other. */
abstract class SharedMesh {
  @TempDir private static @Nullable Path folder;
  private static @Nullable Mesh running;

  final Mesh mesh = Objects.requireNonNull(running);

  /** Makes the mesh; a test class calls it once, before its tests. */
  static Mesh share(MeshForm form) throws IOException {
    Requirements.namespaces();
    Mesh mesh = new Mesh(Objects.requireNonNull(folder), form);
    running = mesh;
    return mesh;
  }

  @AfterAll
  static void remove() {
    if (running != null) {
      running.close();
      running = null;
    }
  }

  final LabSite site(int i) {
    return mesh.cluster.site(i);
  }
}
