// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** How the file of {@code discovery} is come by. */
interface NodesFile {
  /** As it is named, and this node has to be among the nodes. */
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

  /** Before the network is up: what is not known of the cluster is no reason to guard nothing. */
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

  /** The file to read, null: none, as if it named no nodes. */
  @Nullable Path inPlaceOf(Path named);

  /** Whether this node has to be among the nodes. */
  boolean selfRequired();
}
