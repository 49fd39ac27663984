// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Chooses the file of nodes in place of the one that {@code discovery} names. */
interface NodesFile {
  /** The file that is named; this node has to be among its nodes. */
  NodesFile NAMED =
      new NodesFile() {
        @Override
        public Path inPlaceOf(Path named) {
          return named;
        }

        @Override
        public boolean selfRequired() {
          return true;
        }
      };

  /**
   * The choice before the network is up. This node need not be among the nodes, since the guard is
   * loaded with the nodes that are known.
   */
  static NodesFile atBoot(@Nullable Path file) {
    return new NodesFile() {
      @Override
      public @Nullable Path inPlaceOf(Path named) {
        return file;
      }

      @Override
      public boolean selfRequired() {
        return false;
      }
    };
  }

  /** The file to read; null for none, as if {@code discovery} named no nodes. */
  @Nullable Path inPlaceOf(Path named);

  /** Whether this node has to be among the nodes. */
  boolean selfRequired();
}
