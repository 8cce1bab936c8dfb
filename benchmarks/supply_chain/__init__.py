"""What ssmts stands on: licences, bill of materials, known flaws, the oldest versions that work."""
