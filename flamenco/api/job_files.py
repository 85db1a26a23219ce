"""The download of what jobs leave behind: task logs and images, at `/job-files/`, as their local storage has them."""

from __future__ import annotations

import falcon

from flamenco.api.downloads import send_file
from flamenco.api.resource import Resource
from flamenco.domain import job_files
from flamenco.files.public import open_public

PATH = f"{job_files.URL_PREFIX}/{{folder}}/{{job}}/{{name}}"


class JobFiles(Resource):
    """`/job-files/{folder}/{job}/{name}`: one file. What is no file that people may see is not found."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, folder: str, job: str, name: str) -> None:
        """Send the file, or the part of it that is asked for."""
        found = open_public(self.farm.config.local_storage_path, folder, job, name)
        send_file(req, resp, found, falcon.MEDIA_TEXT if job_files.is_task_log(name) else falcon.MEDIA_JPEG)
