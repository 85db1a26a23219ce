"""The extension surface: what plugins give (`types`), when they are asked (`specs`), who asks them (`manager`)."""
